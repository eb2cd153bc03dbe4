# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Open a connection: which ODBC driver, which connection string, which failure.

Two drivers are known: Microsoft's ODBC Driver 18 and FreeTDS. Connection string keywords: "DSN and connection
string keywords" on Microsoft Learn; "ODBC connection attributes" in the FreeTDS user guide.
"""

from __future__ import annotations

import os
import re
import socket

from ansible_collections.sqlhosting.mssql.plugins.module_utils import _freetds
from ansible_collections.sqlhosting.mssql.plugins.module_utils._driver_errors import (
    REACH_REMEDY,
    mapped_connect_error,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    ConnectionFailed,
    DriverMissing,
    InvalidInput,
)

try:
    import pyodbc

    # A pooled session may pin a database (3702), and open connections must not cross fork().
    pyodbc.pooling = False
    PYODBC_PROBLEM = None
except ImportError as exc:
    pyodbc = None
    PYODBC_PROBLEM = str(exc)

APPLICATION_NAME = "sqlhosting"
DEFAULT_PORT = 1433
DEFAULT_LOGIN_TIMEOUT_S = 15  # of Microsoft's driver
MICROSOFT = "microsoft"
FREETDS = "freetds"
_PREFERRED_DRIVERS = ("ODBC Driver 18 for SQL Server", "FreeTDS")
_MAX_PORT = 65535
# Compiled here, in Ansible's parent: a worker would do it anew for each task.
_CONTROL = re.compile(r"[\x00-\x1f]")
_NOT_IN_HOST = re.compile(r"[;{}=,\s\\]")
_INSTANCE_NAME = re.compile(r"[\w$#]{1,16}")


def instance_label(options: dict) -> str:
    """How the journal, the plan and messages name the instance: ``host,port`` or ``host\\NAME``."""
    if options.get("login_instance") and not options.get("login_port"):
        return f"{options['login_host']}\\{options['login_instance']}"
    return f"{options['login_host']},{options.get('login_port') or DEFAULT_PORT}"


def driver_kind(driver: str) -> str:
    """``freetds`` or ``microsoft``, from a driver's registered name or its library's path."""
    name = os.path.basename(driver).lower()
    return FREETDS if "freetds" in name or "tdsodbc" in name else MICROSOFT


def choose_driver(wanted: str | None, available: list[str]) -> str:
    """The driver to use: the wanted one, else Microsoft's 18, else FreeTDS. Raises :class:`DriverMissing`."""
    if wanted:
        if os.sep in wanted:
            if not os.path.exists(wanted):
                raise DriverMissing(f"odbc_driver: there is no file {wanted}", remedy=_INSTALL)
            return wanted
        if wanted not in available:
            raise DriverMissing(
                f"odbc_driver: {wanted!r} is not registered on this machine (registered: "
                f"{_listed(available)})",
                remedy=_INSTALL,
            )
        return wanted
    for name in _PREFERRED_DRIVERS:
        if name in available:
            return name
    raise DriverMissing(
        f"no ODBC driver for SQL Server is registered on this machine (registered: {_listed(available)})",
        remedy=_INSTALL,
    )


_INSTALL = (
    "Install 'msodbcsql18' from Microsoft's package repository, or Debian's 'tdsodbc' (FreeTDS); "
    "'odbcinst -q -d' lists the registered drivers. odbc_driver takes a registered name or a library's path."
)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def check_options(options: dict, kind: str) -> None:
    """Refuse what cannot work before anything is tried. Raises :class:`InvalidInput`."""
    for field in ("login_host", "login_instance", "login_user", "login_password", "login_database"):
        value = options.get(field)
        if value is not None and _CONTROL.search(value):
            raise InvalidInput(field=field, problem="holds a control character or a line end")
    if not options["login_host"].strip() or _NOT_IN_HOST.search(options["login_host"]):
        raise InvalidInput(
            field="login_host",
            problem=f"{options['login_host']!r} is not a host name or an address",
            remedy="Give port and instance name by login_port and login_instance.",
        )
    instance = options.get("login_instance")
    if instance is not None and not _INSTANCE_NAME.fullmatch(instance):
        raise InvalidInput(
            field="login_instance",
            problem=f"{instance!r} is not the name of an instance (1 to 16 letters and digits)",
        )
    port = options.get("login_port")
    if port is not None and not 1 <= port <= _MAX_PORT:
        raise InvalidInput(field="login_port", problem=f"{port} is not between 1 and {_MAX_PORT}")
    for field in ("login_timeout", "query_timeout"):
        if options[field] < 0:
            raise InvalidInput(
                field=field, problem=f"{options[field]} is negative", remedy="0 means no limit."
            )
    authentication = options["authentication"]
    if authentication in ("sql", "entra_service_principal"):
        for field in ("login_user", "login_password"):
            if not options.get(field):
                raise InvalidInput(field=field, problem=f"is needed with authentication: {authentication}")
    if kind == FREETDS:
        _check_freetds(options)


def _check_freetds(options: dict) -> None:
    if options["authentication"].startswith("entra"):
        raise InvalidInput(
            field="authentication",
            problem=f"FreeTDS cannot do {options['authentication']}",
            remedy="Use ODBC Driver 18.",
        )
    if options["encrypt"] == "strict":
        raise InvalidInput(
            field="encrypt",
            problem="FreeTDS cannot do strict (TDS 8)",
            remedy="Use ODBC Driver 18, or encrypt: yes.",
        )
    for field in ("login_user", "login_password", "login_database"):
        if "};" in (options.get(field) or ""):
            raise InvalidInput(
                field=field,
                problem="FreeTDS cannot take a value that holds '};' or ends with '}'",
                remedy="Use ODBC Driver 18, or another value.",
            )


def connection_string(options: dict, driver: str) -> str:
    """The ODBC connection string. Holds the password: never log or show it."""
    kind = driver_kind(driver)
    check_options(options, kind)
    pairs = _freetds_pairs(options) if kind == FREETDS else _microsoft_pairs(options)
    return ";".join(f"{key}={value}" for key, value in [("Driver", _braced(driver)), *pairs]) + ";"


def _microsoft_pairs(options: dict) -> list[tuple[str, str]]:
    host, port, instance = options["login_host"], options.get("login_port"), options.get("login_instance")
    server = f"tcp:{host}\\{instance}" if instance and not port else f"tcp:{host},{port or DEFAULT_PORT}"
    pairs = [
        ("Server", server),
        ("Database", _braced(options["login_database"])),
        ("APP", APPLICATION_NAME),
        ("Encrypt", options["encrypt"]),
        ("TrustServerCertificate", "yes" if options["trust_server_certificate"] else "no"),
        # The driver must not reconnect behind our back: a new session would stand in another database.
        ("ConnectRetryCount", "0"),
    ]
    if options["application_intent"] == "read_only":
        pairs.append(("ApplicationIntent", "ReadOnly"))
    authentication = options["authentication"]
    if authentication == "windows":
        pairs.append(("Trusted_Connection", "yes"))
    elif authentication == "entra_msi":
        pairs.append(("Authentication", "ActiveDirectoryMsi"))
    elif authentication == "entra_service_principal":
        pairs.append(("Authentication", "ActiveDirectoryServicePrincipal"))
    if authentication != "windows" and options.get("login_user"):
        pairs.append(("UID", _braced(options["login_user"])))
    if authentication in ("sql", "entra_service_principal"):
        pairs.append(("PWD", _braced(options["login_password"])))
    return pairs


def _freetds_pairs(options: dict) -> list[tuple[str, str]]:
    host, port, instance = options["login_host"], options.get("login_port"), options.get("login_instance")
    if verifies(options):
        pairs = [("Servername", _freetds.SECTION)]  # host, port and authorities stand in the configuration
    elif instance and not port:
        pairs = [("Server", f"{host}\\{instance}")]
    else:
        pairs = [("Server", host), ("Port", str(port or DEFAULT_PORT))]
    pairs += [
        ("Database", _kept(options["login_database"])),
        ("APP", APPLICATION_NAME),
        ("TDS_Version", "7.4"),
        ("ClientCharset", "UTF-8"),
        ("Encryption", "off" if options["encrypt"] == "no" else "require"),
    ]
    if options["application_intent"] == "read_only":
        pairs.append(("ApplicationIntent", "ReadOnly"))
    if options["authentication"] == "windows":
        pairs.append(("Trusted_Connection", "yes"))
    else:
        pairs += [("UID", _kept(options["login_user"])), ("PWD", _kept(options["login_password"]))]
    return pairs


def verifies(options: dict) -> bool:
    """Whether a connection with these options stands only when the server's certificate is trusted."""
    return options["encrypt"] != "no" and not options["trust_server_certificate"]


def _braced(value: str) -> str:
    """A value that may hold ``;``, ``=`` or braces: in braces, ``}`` doubled."""
    return "{" + value.replace("}", "}}") + "}"


def _kept(value: str) -> str:
    """The same for FreeTDS, which takes what stands before ``};`` as it is (tried with 1.3.17)."""
    return "{" + value + "}"


def tcp_problem(host: str, port: int, timeout_s: float) -> str | None:
    """Why no TCP connection can be opened, in words; None when one can."""
    try:
        socket.create_connection((host, port), timeout=timeout_s).close()
    except ConnectionRefusedError:
        return f"nothing listens on port {port} of {host}"
    except socket.gaierror:
        return f"the host name {host} is unknown"
    except TimeoutError:
        return f"{host} does not answer on port {port}"
    except OSError as exc:
        return f"{host}, port {port}: {exc.strerror or exc}"
    return None


def open_connection(options: dict):
    """A pyodbc connection in autocommit mode. Raises :class:`DriverMissing`, :class:`InvalidInput`,
    :class:`ConnectionFailed` and below, all without the password."""
    if pyodbc is None:
        raise DriverMissing(
            f"the Python package pyodbc cannot be used here ({PYODBC_PROBLEM})",
            remedy="Install it for the Python that Ansible uses ('pip install pyodbc'), and Debian's "
            "'unixodbc'.",
        )
    wanted = options.get("odbc_driver")
    driver = choose_driver(wanted, [] if wanted and os.sep in wanted else pyodbc.drivers())
    text = connection_string(options, driver)
    kind = driver_kind(driver)
    configuration = None
    if kind == FREETDS and verifies(options):
        configuration = _freetds.section(options, default_port=DEFAULT_PORT)
    # Microsoft's driver knocks at a closed port until login_timeout is over, and then tells only that it is
    # over. And while FreeTDS reads a configuration, others that need one wait: nobody dead may hold them up.
    knocks = kind == MICROSOFT or configuration is not None
    problem = _knock(options) if knocks else None
    if problem is None:
        try:
            with _freetds.configuration(configuration):
                connection = pyodbc.connect(text, autocommit=True, timeout=options["login_timeout"])
        except (pyodbc.Error, UnicodeError) as exc:
            if not knocks:
                problem = _knock(options)
            if problem is None:
                verified = configuration is not None
                raise mapped_connect_error(exc, driver=driver, options=options, verified=verified) from None
    if problem is not None:
        raise ConnectionFailed(f"no connection: {problem}", remedy=REACH_REMEDY, retryable=True)
    if options["query_timeout"]:
        connection.timeout = options["query_timeout"]  # seconds; for the cursors made from now on
    return connection


def _knock(options: dict) -> str | None:
    """What keeps TCP from connecting; None when nothing does, or when only the Browser knows the port."""
    if options.get("login_instance") and not options.get("login_port"):
        return None
    timeout_s = options["login_timeout"] or DEFAULT_LOGIN_TIMEOUT_S
    return tcp_problem(options["login_host"], options.get("login_port") or DEFAULT_PORT, timeout_s)
