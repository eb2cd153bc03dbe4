# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """How to reach an instance: the options that all modules share."""

    DOCUMENTATION = r"""
options:
  login_host:
    description: Host name or address of the instance, without port and instance name.
    type: str
    default: localhost
  login_port:
    description:
      - TCP port of the instance. Without it 1433, or what SQL Server Browser says about O(login_instance).
      - Wins over O(login_instance) when both are given.
    type: int
  login_instance:
    description: Name of a named instance; the driver asks SQL Server Browser (UDP 1434) for its port.
    type: str
  login_user:
    description: The login, or the client id with O(authentication=entra_service_principal) and
      O(authentication=entra_msi).
    type: str
  login_password:
    description: Its password, or the client secret.
    type: str
  login_database:
    description: The database to connect to. Statements about the instance run there.
    type: str
    default: master
  authentication:
    description:
      - How to log in. V(windows) uses the Kerberos ticket of the user that runs the module.
      - The V(entra_) ways need Microsoft's driver.
    type: str
    choices: [sql, windows, entra_msi, entra_service_principal]
    default: sql
  encrypt:
    description:
      - V(yes) encrypts, V(strict) uses TDS 8 (SQL Server 2022 on, Microsoft driver only), V(no) leaves
        encryption to the server's wish.
    type: str
    choices: ["yes", strict, "no"]
    default: "yes"
  trust_server_certificate:
    description: Accept any certificate. Only for a lab, as anybody in between may read the password.
    type: bool
    default: false
  odbc_driver:
    description:
      - A registered ODBC driver or the path of a driver's library.
      - When omitted V(ODBC Driver 18 for SQL Server) is used where it is installed, else V(FreeTDS).
    type: str
  login_timeout:
    description: Seconds to wait for a connection; 0 waits as long as the driver does.
    type: int
    default: 15
  query_timeout:
    description: Seconds to wait for a statement; 0 waits without limit.
    type: int
    default: 0
  application_intent:
    description: V(read_only) may be routed to a readable secondary replica.
    type: str
    choices: [read_write, read_only]
    default: read_write
  _context:
    description:
      - Not for users. The action plugin fills it in when the module runs on another machine, with the T-SQL
        templates, the journal's whereabouts and the approved plan.
    type: dict
requirements:
  - pyodbc >= 5.0 where the module runs
  - Microsoft ODBC Driver 18 for SQL Server, or FreeTDS 1.3 or later
notes:
  - With a local connection the module runs in the controller's own process; set the variable
    C(sqlhosting_in_process) to V(false) to execute it as an ordinary module.
  - Statements are written to the journal that E(SQLHOSTING_JOURNAL) names before they are sent.
  - Set the options once for all modules with C(module_defaults) and the group C(group/sqlhosting.mssql.all).
"""
