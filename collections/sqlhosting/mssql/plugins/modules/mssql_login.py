#!/usr/bin/python

# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: mssql_login
short_description: Create, change and remove SQL logins and their users in databases
version_added: 0.1.0
description:
  - Brings one SQL login, and its user in each listed database, from the present state to the one asked for,
    and changes nothing when it is there already.
  - What is not asked for is left as it is. Everything is read and checked before the first change.
  - Handles SQL logins only, not Windows or Entra logins.
options:
  name:
    description: Name of the login, at most 128 characters, without backslash and control characters.
    type: str
    required: true
  state:
    description:
      - V(present) creates the login if needed and sets what is asked for.
      - V(absent) drops its users in every database that can be reached, then the login. A login that owns
        databases is refused before any change.
    type: str
    choices: [present, absent]
    default: present
  password:
    description:
      - Password, needed to create the login. At most 128 characters.
      - With O(check_policy) on, at least 8 characters of three of the classes upper case, lower case, digits
        and others, without the login's name.
    type: str
  update_password:
    description:
      - V(always) sets the password when it is another one. The server compares it, if the platform's login
        has CONTROL SERVER, from SQL Server 2022 also VIEW ANY CRYPTOGRAPHICALLY SECURED DEFINITION; otherwise
        the password is set in every run and the summary says why.
      - V(on_create) sets it only when the login is created.
    type: str
    choices: [always, on_create]
    default: always
  sid:
    description:
      - Security identifier of the login, a GUID or C(0x) and 32 hexadecimal digits. Make it once and give the
        same on every replica of an availability group.
      - A SID cannot be changed. When the login exists with another one the task fails; nothing is dropped.
    type: str
  check_policy:
    description:
      - Whether the password policy holds for the login. V(false) also turns off O(check_expiration), and
        ends a lock-out.
      - V(true) alone leaves O(check_expiration) as it is.
    type: bool
  check_expiration:
    description: Whether the password expires. Needs O(check_policy).
    type: bool
  must_change:
    description:
      - Whether the password must be changed when it is used first. Needs O(check_policy) and
        O(check_expiration), and is set together with the password.
      - Use O(update_password=on_create) with it, otherwise the next run sets the password again.
    type: bool
  default_database:
    description: The database that the login enters first.
    type: str
  enabled:
    description: Whether the login may connect. Open sessions go on, see O(terminate_sessions).
    type: bool
  unlock:
    description:
      - Ends a lock-out by wrong passwords (error 18486). Together with O(password) the password is set, also
        when it is the same, with C(UNLOCK). Without it the password policy is switched off and on again,
        which also clears the history of passwords; a login that must change its password needs a new one.
      - V(false) is the same as leaving it out. A login that is locked is told by C(is_locked) in RV(login).
    type: bool
  terminate_sessions:
    description: With O(enabled=false) or O(state=absent), end the login's open sessions.
    type: bool
    default: false
  server_roles:
    description: Server roles that the login shall be a member of.
    type: list
    elements: str
  exclusive:
    description:
      - Take away server roles that are not in O(server_roles), when that is given, and database roles and
        permissions that are not listed for the databases in O(databases).
      - Denied permissions that are not in O(databases[].denied_permissions) are revoked where that is given,
        C([]) revokes all; otherwise they stay, because to revoke a denial gives a right.
      - Databases that are not listed stay as they are.
    type: bool
    default: false
  databases:
    description: Databases in which the login shall have a user, or none.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the database. It must be online and writable.
        type: str
        required: true
      user:
        description: Name of the user, by default the login's.
        type: str
      state:
        description:
          - V(present) creates the user if needed. A user of that name without a login (an orphan) gets this
            login.
          - V(absent) drops it.
        type: str
        choices: [present, absent]
        default: present
      roles:
        description: Database roles that the user shall be a member of. They must exist.
        type: list
        elements: str
      permissions:
        description: Permissions on the database to be granted, such as V(EXECUTE) or V(CREATE TABLE).
        type: list
        elements: str
      denied_permissions:
        description:
          - Permissions on the database to be denied, for what a role would give and the user shall not have.
            None may be in O(databases[].permissions) as well.
          - They are denied before the user gets any role or permission.
        type: list
        elements: str
      default_schema:
        description: The user's default schema.
        type: str
extends_documentation_fragment:
  - sqlhosting.mssql.connection
  - sqlhosting.mssql.attributes
seealso:
  - module: sqlhosting.mssql.mssql_database
author:
  - The sqlhosting project (@sqlhosting)
"""

EXAMPLES = r"""
- name: The owner of an application's databases, which nobody logs in with
  sqlhosting.mssql.mssql_login:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop_owner
    password: "{{ owner_password }}"
    update_password: on_create
    enabled: false

- name: The customer's login, with exactly these rights
  sqlhosting.mssql.mssql_login:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop_app
    password: "{{ customer_password }}"
    sid: 6f9619ff-8b86-d011-b42d-00c04fc964ff
    default_database: shop
    exclusive: true
    databases:
      - name: shop
        roles: [db_datareader, db_datawriter, db_ddladmin]
        permissions: [EXECUTE]
        # Part of db_ddladmin: such a trigger would run with the rights of whoever administers the database.
        denied_permissions: [ALTER ANY DATABASE DDL TRIGGER]

- name: Keep the login from connecting, now
  sqlhosting.mssql.mssql_login:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop_app
    enabled: false
    terminate_sessions: true

- name: A new password for a customer who tried too often with the old one
  sqlhosting.mssql.mssql_login:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop_app
    password: "{{ customer_password }}"
    unlock: true

- name: Remove the login and its users
  sqlhosting.mssql.mssql_login:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop_app
    state: absent
    terminate_sessions: true
"""

RETURN = r"""
login:
  description:
    - The login afterwards, read back from the instance, with its users in the listed databases; in check mode
      as far as the options tell. Null when it is absent.
  type: dict
  returned: success
  sample:
    name: shop_app
    sid: "0xFF19966F868B11D0B42D00C04FC964FF"
    enabled: true
    is_locked: false
    check_policy: true
    check_expiration: false
    must_change: false
    default_database: shop
    server_roles: []
    databases:
      - name: shop
        user: shop_app
        roles: [db_datareader, db_datawriter, db_ddladmin]
        permissions: [EXECUTE]
        denied_permissions: [ALTER ANY DATABASE DDL TRIGGER]
        default_schema: dbo
unreachable_databases:
  description:
    - With O(state=absent), databases whose users could not be dropped, as objects with C(name) and
      C(problem). A user of the login may stay there as an orphan.
  type: list
  elements: dict
  returned: with O(state=absent)
  sample: [{name: archive, problem: offline}]
summary:
  description: The result in one sentence.
  type: str
  returned: always
  sample: "Login [shop_app] changed: create login `shop_app`; let login `shop_app` into `shop`."
statements:
  description: How many statements were sent (C(read), C(change)) or only C(planned).
  type: dict
  returned: always
  sample: {read: 6, change: 7, planned: 0}
journal:
  description: The journal that holds the statements themselves.
  type: str
  returned: always
  sample: /srv/platform/.artifacts/journals/20260101T100000Z-book_application-4711.jsonl
"""

from ansible_collections.sqlhosting.mssql.plugins.module_utils._module import module_main
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.module import (
    ARGUMENT_SPEC,
    SPEC_RULES,
    run,
)


def main():
    """One login and its users, from their present state to the one asked for."""
    module_main(ARGUMENT_SPEC, SPEC_RULES, run)


if __name__ == "__main__":
    main()
