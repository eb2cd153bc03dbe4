#!/usr/bin/python

# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: mssql_plan
short_description: Verify that a run is about to do what was approved
version_added: 0.1.0
description:
  - Compares every changing statement that this run has planned so far, in tasks with C(check_mode=true), with
    the approved plan that the environment variable E(SQLHOSTING_APPROVED_PLAN) names.
  - Fails and lists the differences when the run would send anything that was not approved, before any change.
  - Without an approved plan there is nothing to verify, and RV(verified) is V(false).
  - Needs no connection to an instance and always runs on the controller.
options:
  state:
    description: The rehearsed statements are all in the approved plan, in its order.
    type: str
    choices: [verified]
    default: verified
extends_documentation_fragment:
  - sqlhosting.mssql.connection
  - sqlhosting.mssql.attributes
author:
  - The sqlhosting project (@sqlhosting)
"""

EXAMPLES = r"""
- name: Rehearse
  sqlhosting.mssql.mssql_database:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop
  check_mode: true

- name: Verify that the rehearsal is what was approved
  sqlhosting.mssql.mssql_plan:
    state: verified

- name: Apply
  sqlhosting.mssql.mssql_database:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    name: shop
"""

RETURN = r"""
verified:
  description: Whether an approved plan is set and holds every rehearsed statement.
  type: bool
  returned: success
  sample: true
plan_hash:
  description: The hash that the approval is bound to.
  type: str
  returned: success, when an approved plan is set
  sample: 5f2b0c1f6f3c6a6e0ed3a1a8cb5a4d2f5f0b7a5a2b1f6e1d1d3f7a9c8b7a6f5e
approved:
  description: How many statements the approved plan holds.
  type: int
  returned: success, when an approved plan is set
  sample: 7
rehearsed:
  description: How many changing statements this run has planned so far.
  type: int
  returned: success
  sample: 7
summary:
  description: The result in one sentence.
  type: str
  returned: always
  sample: All 7 rehearsed statements are in the approved plan (7 statements).
statements:
  description: How many statements were sent (C(read), C(change)) or only planned.
  type: dict
  returned: always
  sample: {read: 0, change: 0, planned: 0}
journal:
  description: The journal that holds the statements themselves.
  type: str
  returned: always
  sample: /srv/platform/.artifacts/journals/20260101T100000Z-book_application-4711.jsonl
"""

from ansible_collections.sqlhosting.mssql.plugins.module_utils._module import module_main
from ansible_collections.sqlhosting.mssql.plugins.module_utils.plan.module import (
    ARGUMENT_SPEC,
    SPEC_RULES,
    run,
)


def main():
    """Verify the plan."""
    module_main(ARGUMENT_SPEC, SPEC_RULES, run)


if __name__ == "__main__":
    main()
