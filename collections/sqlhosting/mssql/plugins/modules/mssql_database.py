#!/usr/bin/python

# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: mssql_database
short_description: Create, change, rename, take offline and drop databases of SQL Server
version_added: 0.1.0
description:
  - Brings one database of an instance from its present state to the one asked for, and changes nothing when
    it is there already.
  - What is not asked for is left as it is.
  - Names are compared by the instance under its own collation. A database that exists under the name in
    another case is the same database where the instance's collation ignores case.
  - System databases and names reserved by SQL Server are always refused.
options:
  name:
    description:
      - Name of the database, at most 123 characters, without control characters and without blanks at its
        ends.
    type: str
    required: true
  state:
    description:
      - V(present) creates the database if needed and sets what is asked for.
      - V(online) brings an existing database online and sets what is asked for.
      - V(offline) takes an existing database offline.
      - V(renamed) renames O(name) to O(new_name). When only O(new_name) exists it is done already; when both
        exist the task fails.
      - V(absent) drops the database with its files. An offline database is brought online first, because SQL
        Server leaves the files of an offline database on the disk.
    type: str
    choices: [present, absent, online, offline, renamed]
    default: present
  new_name:
    description: The new name, with O(state=renamed) only. Files keep their names.
    type: str
  collation:
    description:
      - Collation of the database, by default the instance's. Compared without regard to case.
      - Changing it needs the database to itself, see O(terminate_sessions), and leaves existing columns as
        they are.
    type: str
  recovery_model:
    description: Recovery model, by default that of the database model.
    type: str
    choices: [full, simple, bulk_logged]
  containment:
    description: V(partial) needs the instance's option C(contained database authentication).
    type: str
    choices: [none, partial]
  owner:
    description: Login that owns the database. By default whoever creates it.
    type: str
  compatibility_level:
    description: Compatibility level, for instance 150 (2019), 160 (2022) or 170 (2025).
    type: int
  read_committed_snapshot:
    description:
      - Whether readers see row versions instead of waiting for writers.
      - Changing it needs the database to itself, see O(terminate_sessions).
    type: bool
  auto_close:
    description:
      - Whether the database is shut down when its last user leaves. While it is shut down it does not tell
        its collation, which then counts as unknown and is not compared.
      - Express edition sets it on new databases, and so does an instance whose model database has it. Without
        this option a new database gets it switched off there; a database that exists stays as it is.
    type: bool
  user_access:
    description:
      - Who may enter. V(restricted_user) admits members of db_owner, dbcreator and sysadmin.
      - With O(state=renamed) it is the access after renaming.
    type: str
    choices: [multi_user, restricted_user, single_user]
  data_size:
    description:
      - Least size of the primary data file, with its unit, for instance V(512MiB) or V(10GiB). Whole MiB.
      - Sizes only grow. A file that is larger already stays as it is, and the summary says so.
      - Refused before any change when the volume has less room, as far as the instance shows its volumes.
      - A new database is never smaller than the instance's model database. Where that is larger its size is
        taken, and an O(data_max_size) below it is refused, also in check mode, as far as the login sees the
        files of model.
    type: str
  data_max_size:
    description:
      - Size up to which the primary data file may grow, or V(unlimited). This is the database's data quota.
      - Refused before any change when it is below the file's present size.
    type: str
  data_growth:
    description: By how much the primary data file grows at a time, a size or a percentage such as V(10%).
    type: str
  log_size:
    description: As O(data_size), for the first log file.
    type: str
  log_max_size:
    description: As O(data_max_size), for the first log file.
    type: str
  log_growth:
    description: As O(data_growth), for the first log file.
    type: str
  terminate_sessions:
    description:
      - End sessions that work in the database where the change needs it to itself, and roll their
        transactions back.
      - Without it such a change fails at once when somebody works in the database.
      - To rename a database or to change its collation, access is restricted meanwhile. When the run is
        interrupted just then, set O(user_access) to open the database again.
    type: bool
    default: false
  drop_snapshots:
    description: With O(state=absent), drop the database's snapshots too. Without it they keep the database.
    type: bool
    default: false
notes:
  - A database of an availability group is not dropped, renamed or taken offline, it must leave the group
    first.
  - With several files of a kind only the primary data file and the first log file are managed, and the
    summary says so.
extends_documentation_fragment:
  - sqlhosting.mssql.connection
  - sqlhosting.mssql.attributes
seealso:
  - module: sqlhosting.mssql.mssql_login
  - module: sqlhosting.mssql.mssql_quota
author:
  - The sqlhosting project (@sqlhosting)
"""

EXAMPLES = r"""
- name: A database within its quota
  sqlhosting.mssql.mssql_database:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop
    collation: Latin1_General_100_CI_AS_SC_UTF8
    recovery_model: full
    read_committed_snapshot: true
    data_size: 256MiB
    data_max_size: 10GiB
    data_growth: 64MiB
    log_size: 64MiB
    log_max_size: 2GiB
    log_growth: 64MiB

- name: Cut access and set the database aside under another name
  sqlhosting.mssql.mssql_database:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop
    state: renamed
    new_name: shop__del_20260131
    user_access: restricted_user
    terminate_sessions: true

- name: Drop it with its files
  sqlhosting.mssql.mssql_database:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop__del_20260131
    state: absent
    terminate_sessions: true
"""

RETURN = r"""
database:
  description:
    - The database afterwards, read back from the instance; in check mode as far as the options tell. Null
      when it is absent.
  type: dict
  returned: success
  sample:
    name: shop
    database_id: 5
    state: online
    user_access: multi_user
    recovery_model: full
    collation: Latin1_General_100_CI_AS_SC_UTF8
    containment: none
    owner: shop_owner
    compatibility_level: 160
    read_committed_snapshot: true
    in_availability_group: false
    data:
      name: shop
      path: /var/opt/mssql/data/shop.mdf
      state: online
      size_mib: 256
      max_size_mib: 10240
      growth: 64MiB
    log:
      name: shop_log
      path: /var/opt/mssql/data/shop_log.ldf
      state: online
      size_mib: 64
      max_size_mib: 2048
      growth: 64MiB
leftover_files:
  description: Files that stay on the server's disk because they were offline when the database was dropped.
  type: list
  elements: str
  returned: with O(state=absent)
  sample: []
summary:
  description: The result in one sentence.
  type: str
  returned: always
  sample: "Database [shop] changed: create database `shop`; make `shop_owner` the owner of database `shop`."
statements:
  description: How many statements were sent (C(read), C(change)) or only C(planned).
  type: dict
  returned: always
  sample: {read: 5, change: 3, planned: 0}
journal:
  description: The journal that holds the statements themselves.
  type: str
  returned: always
  sample: /srv/platform/.artifacts/journals/20260101T100000Z-book_application-4711.jsonl
"""

from ansible_collections.sqlhosting.mssql.plugins.module_utils._module import module_main
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.module import (
    ARGUMENT_SPEC,
    SPEC_RULES,
    run,
)


def main():
    """One database, from its present state to the one asked for."""
    module_main(ARGUMENT_SPEC, SPEC_RULES, run)


if __name__ == "__main__":
    main()
