#!/usr/bin/python

# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: mssql_discover
short_description: Tell what a SQL Server instance is and holds
version_added: 0.1.0
description:
  - Reads version, processors, memory, volumes, settings, collations, high availability, databases with files
    and space, logins and availability groups of one instance, in one task and few statements.
  - Changes nothing, and runs the same in check mode.
  - What the login cannot see in full is V(none) and listed in RV(unknown) with the right that is missing. It
    is never returned as empty, and never in part.
  - Units are in the names of the keys (C(_mib), C(_kib), C(_s), C(_percent)), times are UTC, words are in
    lower case.
options:
  gather_subset:
    description:
      - What to gather. V(all) is every subset but V(account). A name with V(!) before it is left out; only
        such names mean all but those.
      - V(files) shows the files inside their databases, V(space) what is used of them. Both bring
        V(databases) along. V(space) enters every database that is online; with many databases it is the most
        expensive subset.
      - "Known are V(all), V(version), V(cpu), V(memory), V(volumes), V(configuration), V(collations),
        V(hadr), V(databases), V(files), V(space), V(logins) and V(availability_groups)."
      - V(account), which only counts when it is named, is about the login of the task itself, how it is
        connected, and which of the rights that the collection needs it lacks. Alone it also works on versions
        that are not supported.
    type: list
    elements: str
    default: [all]
  answer:
    description:
      - What M(sqlhosting.mssql.mssql_fleet) brought for this host. It becomes the result of this task, a
        failure included, and nothing is asked. When omitted the instance is asked.
      - So what was seen in one task for all instances gets into each host's own variable, event and recap.
    type: dict
extends_documentation_fragment:
  - sqlhosting.mssql.connection
  - sqlhosting.mssql.attributes
seealso:
  - module: sqlhosting.mssql.mssql_fleet
  - module: sqlhosting.mssql.mssql_quota
author:
  - The sqlhosting project (@sqlhosting)
"""

EXAMPLES = r"""
- name: See everything
  sqlhosting.mssql.mssql_discover:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
  register: found

- name: Stop when something that we rely on could not be seen
  ansible.builtin.assert:
    that: found.instance.databases is not none and found.instance.volumes is not none
    fail_msg: "{{ found.unknown | map(attribute='reason') }}"

- name: Version and memory only
  sqlhosting.mssql.mssql_discover:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    gather_subset: [version, memory]

- name: See whether this login may do what the collection needs
  sqlhosting.mssql.mssql_discover:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    gather_subset: [account]

- name: Everything but the long list of collations, and without entering the databases
  sqlhosting.mssql.mssql_discover:
    login_host: sql01.example.com
    login_user: platform
    login_password: "{{ platform_password }}"
    gather_subset: ["!collations", "!space"]
"""

RETURN = r"""
instance:
  description: What was gathered, one key for each subset that was asked for (V(files) and V(space) inside
    databases).
  type: dict
  returned: success
  contains:
    version:
      description: What is installed, where its files go, and what version and edition allow.
      type: dict
      returned: with the subset version
      sample:
        server_name: sql01
        machine_name: sql01
        instance_name: null
        product_version: 16.0.4135.4
        major_version: 16
        release: "2022"
        product_level: RTM
        product_update_level: CU14
        edition: Developer Edition (64-bit)
        engine_edition: 3
        platform: linux
        distribution: Ubuntu
        collation: SQL_Latin1_General_CP1_CI_AS
        default_data_path: /var/opt/mssql/data/
        default_log_path: /var/opt/mssql/data/
        default_backup_path: /var/opt/mssql/data
        is_clustered: false
        is_windows_authentication_only: false
        utc_offset_minutes: 0
        features: {availability_groups: full, contained_availability_groups: true, backup_to_s3: true}
    cpu:
      description:
        - Processors, uptime and load. RV(instance.cpu.busy_percent) is of the whole machine, one sample a
          minute.
        - On Linux SQL Server up to 2022 tells no idle time; then idle and busy are V(none), and
          C(sql_percent), the share of SQL Server itself, is what there is.
      type: dict
      returned: with the subset cpu
      contains:
        busy_percent:
          description: The machine's load.
          type: int
          returned: when SQL Server tells it
          sample: 12
      sample:
        count: 8
        sockets: 1
        cores_per_socket: 8
        hyperthread_ratio: 8
        numa_nodes: 1
        schedulers: 8
        virtual_machine: hypervisor
        container: none
        uptime_s: 86400
        started_at: "2026-01-01T10:00:00Z"
        sql_percent: 7
        idle_percent: 88
        busy_percent: 12
    memory:
      description: The machine's memory (C(total_mib), C(available_mib)) and SQL Server's own.
      type: dict
      returned: with the subset memory
      sample:
        total_mib: 16384
        available_mib: 9000
        state: Available physical memory is high
        is_low: false
        process_in_use_mib: 4200
        process_is_low: false
        committed_mib: 4100
        committed_target_mib: 12000
    volumes:
      description:
        - The volumes that hold at least one database file.
        - On Linux SQL Server names no mount point. Then C(mount_point) is the folder that the files on it
          have in common and C(is_derived) is V(true); folders with equal total and nearly equal free space
          count as one volume, so two volumes that look alike are shown as one.
      type: list
      elements: dict
      returned: with the subset volumes
      sample:
        - mount_point: /var/opt/mssql/data/
          is_derived: true
          label: null
          folders: [/var/opt/mssql/data/]
          files: 14
          total_mib: 102400
          available_mib: 80000
          available_percent: 78.1
    configuration:
      description: Settings as configured and as running. Memory is V(none) when it has no limit.
      type: dict
      returned: with the subset configuration
      sample:
        max_server_memory_mib: {configured: null, running: null}
        max_degree_of_parallelism: {configured: 4, running: 4}
        cost_threshold_for_parallelism: {configured: 5, running: 5}
        contained_database_authentication: {configured: false, running: false}
    collations:
      description: How many collations the instance knows, and their names.
      type: dict
      returned: with the subset collations
      sample: {count: 2, names: [Latin1_General_100_CI_AS, Latin1_General_100_CI_AS_SC_UTF8]}
    hadr:
      description: Whether availability groups are possible now, the mirroring endpoint, and master's
        certificates.
      type: dict
      returned: with the subset hadr
      sample:
        is_enabled: true
        manager_status: running
        endpoints:
          - name: hadr
            state: started
            role: all
            authentication: certificate
            encryption: aes
            port: 5022
            ip_address: null
            certificate: ag_sql01
        certificates:
          - name: ag_sql01
            thumbprint: "0x5F2B0C1F6F3C6A6E0ED3A1A8CB5A4D2F5F0B7A5A"
            expires_at: "2040-01-01T00:00:00Z"
            private_key: encrypted_by_master_key
    databases:
      description: All databases with their settings, with V(files) their files, with V(space) what is used.
      type: list
      elements: dict
      returned: with the subset databases
      sample:
        - name: shop_orders
          database_id: 5
          is_system: false
          state: online
          user_access: multi_user
          owner: shop_owner
          recovery_model: full
          collation: SQL_Latin1_General_CP1_CI_AS
          containment: none
          compatibility_level: 160
          read_committed_snapshot: true
          is_read_only: false
          is_auto_close: false
          is_encrypted: false
          in_availability_group: false
          snapshot_of: null
          log_reuse_wait: nothing
          created_at: "2026-01-01T10:00:00Z"
          files:
            - name: shop_orders
              type: data
              path: /var/opt/mssql/data/shop_orders.mdf
              state: online
              size_mib: 64
              max_size_mib: 10240
              growth_mib: 64
          data_size_mib: 64
          data_max_size_mib: 10240
          log_size_mib: 64
          log_max_size_mib: 2048
          data_used_mib: 3.125
          log_used_mib: 0.5
    logins:
      description: SQL, Windows and Entra logins.
      type: list
      elements: dict
      returned: with the subset logins
      sample:
        - name: shop_app
          type: sql_login
          sid: "0x0123456789ABCDEF0123456789ABCDEF"
          is_disabled: false
          is_locked: false
          default_database: master
          check_policy: true
          check_expiration: false
          created_at: "2026-01-01T10:00:00Z"
          server_roles: []
    availability_groups:
      description:
        - Availability groups with listeners, replicas and the state of each database on each replica.
        - Only the primary replica sees the states of the others; asked elsewhere, RV(unknown) says so.
      type: list
      elements: dict
      returned: with the subset availability_groups
      sample: []
    account:
      description:
        - Who the login is, how it is connected and what it lacks. C(obstacles) are what no right cures.
        - C(encrypted) is V(none) when encryption was not asked for and the login may not see whether it is.
      type: dict
      returned: with the subset account
      sample:
        login: platform
        is_sysadmin: false
        product_version: 16.0.4135.4
        release: "2022"
        edition: Developer Edition (64-bit)
        encrypted: true
        certificate_verified: true
        authentication: sql
        missing:
          - right: ALTER ANY LOGIN
            why: creates, changes and removes the logins of applications
            remedy: GRANT ALTER ANY LOGIN TO [platform];
        obstacles: []
        warnings: []
unknown:
  description: What could not be seen, why, and the right that would show it.
  type: list
  elements: dict
  returned: success
  sample:
    - what: memory
      reason: the login has no right to see it; GRANT VIEW SERVER PERFORMANCE STATE shows it
      missing_right: VIEW SERVER PERFORMANCE STATE
omitted:
  description:
    - Details that were seen but left out to keep the result below 500,000 characters, which happens with some
      hundreds of databases. Fewer subsets leave room for them.
  type: list
  elements: str
  returned: success
  sample: ["collations.names: too many to return with the rest; ask for the subset collations alone"]
summary:
  description: The result in one sentence.
  type: str
  returned: always
  sample: "sql01.example.com,1433: SQL Server 2022 Developer Edition (64-bit), 14 databases, 9 logins."
statements:
  description: How many statements were sent (C(read)).
  type: dict
  returned: always
  sample: {read: 12, change: 0, planned: 0}
journal:
  description: The journal that holds the statements themselves.
  type: str
  returned: always
  sample: /srv/platform/.artifacts/journals/20260101T100000Z-discover-4711.jsonl
"""

from ansible_collections.sqlhosting.mssql.plugins.module_utils._module import module_main
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.module import (
    ARGUMENT_SPEC,
    SPEC_RULES,
    run,
)


def main():
    """Gather and return."""
    module_main(ARGUMENT_SPEC, SPEC_RULES, run)


if __name__ == "__main__":
    main()
