#!/usr/bin/python

# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: mssql_fleet
short_description: Look at many SQL Server instances side by side, in one task
version_added: 0.3.0
description:
  - Runs a module that only reads, M(sqlhosting.mssql.mssql_discover) or M(sqlhosting.mssql.mssql_quota), on
    many inventory hosts, in threads of one process. Ansible itself starts a process for each host, which
    takes longer than asking the instance does.
  - Use it with C(run_once=true). The registered variable is then the same on each host of the play's batch,
    and RV(answers) has an entry for each.
  - An instance that does not answer fails nobody but itself. Its entry in RV(answers) has C(failed), C(msg)
    and C(error), as the task of the module itself would; the task succeeds. Instances that are slow do not
    keep others from being asked.
  - "To let a host fail, or to give it its own variable, hand the answer on in a task of the host: see the
    option O(sqlhosting.mssql.mssql_discover#module:answer)."
  - Hosts that are not reached from this process (another connection than V(local), C(become), or
    C(sqlhosting_in_process) set to V(false)) are not asked; RV(elsewhere_hosts) names them.
  - Changes nothing, and runs the same in check mode.
options:
  module:
    description: The module that asks.
    type: str
    choices: [mssql_discover, mssql_quota]
    default: mssql_discover
  options:
    description: Its options, the same for all hosts. Connection options here go before those of the hosts.
    type: dict
    default: {}
  hosts:
    description: The inventory hosts to ask. When omitted those of the play's batch that have not failed yet.
    type: list
    elements: str
  connection_variable:
    description:
      - The variable that holds each host's connection options. It is taken from the inventory, from facts and
        from extra variables, not from a play's or a task's C(vars).
    type: str
    default: sqlhosting_connection
  at_once:
    description:
      - How many instances are asked at once, 1 to 200. One that has not answered for two seconds no longer
        counts, so that those which are down do not hold up the others.
    type: int
    default: 20
  answer_timeout:
    description:
      - Seconds after which an instance is given up and has failed; 0 waits without limit. Until all have
        answered or failed, the task goes on.
    type: int
    default: 300
  results_file:
    description:
      - A file to which each answer is appended as soon as it is there, one JSON object C({"host", "result"})
        a line, mode 0600. For who follows the run and cannot wait for its end, or gets no results of this
        size.
    type: path
  returned_answers:
    description:
      - Which hosts have an entry in RV(answers). With V(failed) those that answered have none, for who reads
        O(results_file) and has no use for a result of many MB.
    type: str
    choices: [all, failed]
    default: all
extends_documentation_fragment:
  - sqlhosting.mssql.attributes
requirements:
  - pyodbc >= 5.0 on the controller
  - Microsoft ODBC Driver 18 for SQL Server, or FreeTDS 1.3 or later
seealso:
  - module: sqlhosting.mssql.mssql_discover
  - module: sqlhosting.mssql.mssql_quota
author:
  - The sqlhosting project (@sqlhosting)
"""

EXAMPLES = r"""
- name: Look at all instances of the play
  sqlhosting.mssql.mssql_fleet:
    options:
      gather_subset: ["!collations"]
  run_once: true
  register: looked

- name: Show one line for each
  ansible.builtin.debug:
    var: looked.summaries
  run_once: true

- name: Give each host its own answer, and let those fail that gave none
  sqlhosting.mssql.mssql_discover:
    answer: "{{ looked.answers[inventory_hostname] }}"
  register: found
"""

RETURN = r"""
answers:
  description: By inventory host, what the module returned for it; of which hosts see O(returned_answers).
  type: dict
  returned: success
  sample:
    sql01: {changed: false, failed: false, instance: {}, summary: "sql01,1433: seen."}
failed_hosts:
  description: The hosts that gave no answer.
  type: list
  elements: str
  returned: success
  sample: [sql07]
elsewhere_hosts:
  description: The hosts that were not asked, because their modules run elsewhere.
  type: list
  elements: str
  returned: success
  sample: []
summaries:
  description: One line for each host that was asked, in the order of the inventory.
  type: list
  elements: str
  returned: success
  sample: ["sql01,1433: SQL Server 2022 Developer Edition (64-bit), 14 databases, 9 logins."]
summary:
  description: The result in one sentence.
  type: str
  returned: always
  sample: 49 of 50 instances answered; no answer from sql07.
statements:
  description: How many statements were sent to all of them (C(read)).
  type: dict
  returned: always
  sample: {read: 600, change: 0, planned: 0}
journal:
  description: The journal that holds the statements themselves, each with its C(inventory_host).
  type: str
  returned: always
  sample: /srv/platform/.artifacts/journals/20260101T100000Z-discover-4711.jsonl
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.sqlhosting.mssql.plugins.module_utils.fleet.module import ARGUMENT_SPEC


def main():
    """The action does the work in the controller's process; a module reaches no other host's variables."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(
        msg="This module needs its action plugin: call it by its full name sqlhosting.mssql.mssql_fleet "
        "from a playbook."
    )


if __name__ == "__main__":
    main()
