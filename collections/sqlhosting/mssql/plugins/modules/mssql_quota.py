#!/usr/bin/python

# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: mssql_quota
short_description: Measure the space of databases and hold it below limits
version_added: 0.1.0
description:
  - Measures used and allocated space of all or some databases of an instance in one pass, compares what is
    used with limits, and reports V(ok), V(warning), V(critical), V(exceeded) or V(unknown) for each database.
  - With O(enforce=true) sets the MAXSIZE of the files so that they can hold no more than the limit, and
    never less than what is allocated now. Nothing shrinks.
  - "A limit is of all data files of a database together, or of all its log files. Files that grow get equal
    shares; a file that has more than its share keeps what it has and the others share the rest; a file that
    does not grow keeps its size. A split made by hand whose sum is the limit is left alone."
  - FILESTREAM and memory-optimised containers are neither counted nor limited. Database snapshots are left
    out.
options:
  databases:
    description:
      - The databases to look at. All but the system databases when omitted.
      - A system database is measured when it is named, but no limit is ever enforced on one.
    type: list
    elements: dict
    suboptions:
      name:
        description: The database, which must exist. Compared under the collation of the instance.
        type: str
        required: true
      data_limit:
        description: Limit of its data files together, a number with its unit. O(data_limit) when omitted.
        type: str
      log_limit:
        description: Limit of its log files together. O(log_limit) when omitted.
        type: str
  data_limit:
    description:
      - Limit of the data files of each database that has none of its own, for instance V(10GiB) or V(512MiB).
      - Where no limit is given the MAXSIZE of the files is the limit; where they have none either, the
        database is V(ok).
    type: str
  log_limit:
    description: The same for log files, at most V(2TiB).
    type: str
  warning_percent:
    description: From how many percent of the limit on a database is V(warning).
    type: int
    default: 80
  critical_percent:
    description: From how many percent of the limit on a database is V(critical). From 100 on it is
      V(exceeded).
    type: int
    default: 95
  enforce:
    description: Set the MAXSIZE of the files to the limits given. Needs at least one limit.
    type: bool
    default: false
  limit_below_use:
    description:
      - What to do when O(enforce=true) and more is used than a limit allows.
      - V(fail) stops before anything is changed. V(hold) keeps the files from growing, reports the database
        as V(exceeded), and goes on with the others.
    type: str
    choices: [fail, hold]
    default: fail
extends_documentation_fragment:
  - sqlhosting.mssql.connection
  - sqlhosting.mssql.attributes
notes:
  - A limit that the volume has no room for is set, with a warning.
seealso:
  - module: sqlhosting.mssql.mssql_database
  - module: sqlhosting.mssql.mssql_discover
author:
  - The sqlhosting project (@sqlhosting)
"""

EXAMPLES = r"""
- name: Measure all databases and judge them by the limits that their files have
  sqlhosting.mssql.mssql_quota:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
  register: quota

- name: Fail when a database is about to be full
  ansible.builtin.assert:
    that: quota.worst in ['ok', 'warning']
    fail_msg: "{{ quota.summary }}"

- name: Give a database 20 GiB for data and 4 GiB for its log
  sqlhosting.mssql.mssql_quota:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    databases:
      - name: shop_orders
        data_limit: 20GiB
        log_limit: 4GiB
    enforce: true

- name: Hold every database to 10 GiB, and those that have more already to what they have
  sqlhosting.mssql.mssql_quota:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    data_limit: 10GiB
    enforce: true
    limit_below_use: hold
"""

RETURN = r"""
databases:
  description: One entry for each database, by name.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The database.
      type: str
      returned: always
      sample: shop_orders
    status:
      description: The worse of RV(databases[].data_status) and RV(databases[].log_status).
      type: str
      returned: always
      sample: warning
    percent:
      description: The higher of RV(databases[].data_percent) and RV(databases[].log_percent).
      type: float
      returned: when known
      sample: 85.2
    reason:
      description: Why the status is V(unknown), or why used space could not be measured.
      type: str
      returned: when something is unknown
      sample: the database is offline
    notes:
      description: What else should be known, for instance that files already take more than the limit.
      type: list
      elements: str
      returned: always
      sample: []
    planned:
      description: Whether the database is only planned, by an earlier task of this check-mode run.
      type: bool
      returned: always
      sample: false
    state:
      description: The state of the database.
      type: str
      returned: when it exists
      sample: online
    data_status:
      description: V(ok), V(warning), V(critical), V(exceeded) or V(unknown), of the data files.
      type: str
      returned: always
      sample: warning
    data_used_mib:
      description: What is used inside the data files.
      type: float
      returned: when known
      sample: 8724.5
    data_allocated_mib:
      description: The size of the data files.
      type: float
      returned: when known
      sample: 9216
    data_max_mib:
      description: What the data files can hold together; V(none) when only the volume ends them.
      type: float
      returned: when known
      sample: 10240
    data_limit_mib:
      description: The limit given, else RV(databases[].data_max_mib).
      type: float
      returned: when there is a limit
      sample: 10240
    data_percent:
      description: RV(databases[].data_used_mib) of RV(databases[].data_limit_mib), rounded down.
      type: float
      returned: when known
      sample: 85.2
    log_status:
      description: As RV(databases[].data_status), of the log files.
      type: str
      returned: always
      sample: ok
    log_used_mib:
      description: What is used inside the log files.
      type: float
      returned: when known
      sample: 12.25
    log_allocated_mib:
      description: The size of the log files.
      type: float
      returned: when known
      sample: 64
    log_max_mib:
      description: What the log files can hold together; V(none) when they have no limit but SQL Server's own
        (2 TiB).
      type: float
      returned: when known
      sample: 2048
    log_limit_mib:
      description: The limit given, else RV(databases[].log_max_mib).
      type: float
      returned: when there is a limit
      sample: 2048
    log_percent:
      description: RV(databases[].log_used_mib) of RV(databases[].log_limit_mib), rounded down.
      type: float
      returned: when known
      sample: 0.5
    log_reuse_wait:
      description: What keeps the log from being reused. Read it before a full log is blamed on anybody.
      type: str
      returned: when the database exists
      sample: log_backup
worst:
  description:
    - "The worst status of all: V(exceeded), V(critical), V(warning), V(unknown), V(ok), in this order."
    - Databases that are only planned do not count.
  type: str
  returned: success
  sample: warning
omitted:
  description:
    - Details that were left out to keep the result below 500,000 characters, which happens with some hundreds
      of databases. Databases that are not V(ok) keep theirs longest.
  type: list
  elements: str
  returned: success
  sample: []
warnings:
  description: The notes of the databases, the first twenty.
  type: list
  elements: str
  returned: when there are any
  sample: ["[shop_orders]: the data limit 1TiB needs 1020GiB more on /data/, where 50GiB are free"]
summary:
  description: The result in one sentence.
  type: str
  returned: always
  sample: "sql01.example.com,1433: 1 warning (shop_orders), 12 ok. 2 file settings were changed."
diff:
  description: The files whose limits change, before and after, by database.
  type: dict
  returned: in diff mode
  sample:
    before: {shop_orders: {shop_orders: {max_size_mib: 5120, growth: 64MiB}}}
    after: {shop_orders: {shop_orders: {max_size_mib: 10240, growth: 64MiB}}}
statements:
  description: How many statements were sent (C(read), C(change)) or only planned.
  type: dict
  returned: always
  sample: {read: 5, change: 1, planned: 0}
journal:
  description: The journal that holds the statements themselves.
  type: str
  returned: always
  sample: /srv/platform/.artifacts/journals/20260101T100000Z-check_quota-4711.jsonl
"""

from ansible_collections.sqlhosting.mssql.plugins.module_utils._module import module_main
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.module import (
    ARGUMENT_SPEC,
    SPEC_RULES,
    run,
)


def main():
    """Measure, judge, enforce."""
    module_main(ARGUMENT_SPEC, SPEC_RULES, run)


if __name__ == "__main__":
    main()
