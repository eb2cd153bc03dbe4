# ruff: noqa: E501 - a table reads best with one row a line
"""Which right reading a system view needs, by version: a table of data, enforced where views are read.

Sources: the *Permissions* section of each view's page in MicrosoftDocs/sql-docs (``page`` is the file's stem), and
for what 2022 split off VIEW SERVER STATE the page "System dynamic management views". A row marked ``(m)`` was not
read on its page for 2022 and later; there the general rule of that page stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.estate.access import require_server

SPLIT = 16  # major version of 2022, which split VIEW SERVER STATE and VIEW ANY DEFINITION
PUBLIC = ""  # everybody

STATE = "VIEW SERVER STATE"
PERFORMANCE = "VIEW SERVER PERFORMANCE STATE"
SECURITY = "VIEW SERVER SECURITY STATE"
DEFINITION = "VIEW ANY DEFINITION"


@dataclass(frozen=True)
class ReadRight:
    """The right that shows everything of a view: up to 2019 (2017 alike), and from 2022 (2025 alike).

    ``without``: ``error`` (300) or ``fewer`` rows. :data:`PUBLIC` is no right at all.
    """

    until_2019: str
    since_2022: str
    without: str
    page: str

    def on(self, major: int) -> str:
        """The right on a version: 14 is 2017, 15 2019, 16 2022, 17 2025."""
        return self.since_2022 if major >= SPLIT else self.until_2019


def _table(text: str) -> dict[str, ReadRight]:
    names = {
        "-": PUBLIC,
        "state": STATE,
        "performance": PERFORMANCE,
        "security": SECURITY,
        "definition": DEFINITION,
        "database": "VIEW ANY DATABASE",
        "secdef": "VIEW ANY SECURITY DEFINITION",
        "perfdef": "VIEW ANY PERFORMANCE DEFINITION",
    }
    found = {}
    for line in text.strip().splitlines():
        name, old, new, without, page = line.split(maxsplit=4)
        found[f"sys.{name}"] = ReadRight(names[old], names[new], without, page)
    return found


# view | until 2019 | since 2022 | without it | page
READ_RIGHTS = _table(
    """
    dm_os_host_info                          -          performance  error  sys-dm-os-host-info
    dm_os_sys_info                           state      performance  error  sys-dm-os-sys-info
    dm_os_sys_memory                         state      performance  error  sys-dm-os-sys-memory
    dm_os_process_memory                     state      performance  error  sys-dm-os-process-memory (m)
    dm_os_ring_buffers                       state      performance  error  system-dynamic-management-views (m)
    dm_os_volume_stats                       state      performance  error  sys-dm-os-volume-stats (m)
    dm_os_performance_counters               state      performance  error  sys-dm-os-performance-counters (m)
    dm_exec_sessions                         state      performance  fewer  sys-dm-exec-sessions (m)
    dm_exec_connections                      state      security     error  sys-dm-exec-connections (m)
    dm_hadr_availability_group_states        state      performance  error  sys-dm-hadr-availability-group-states (m)
    dm_hadr_availability_replica_states      state      performance  error  sys-dm-hadr-availability-replica-states (m)
    dm_hadr_database_replica_cluster_states  state      performance  error  sys-dm-hadr-database-replica-cluster-states (m)
    dm_hadr_database_replica_states          state      performance  error  sys-dm-hadr-database-replica-states
    databases                                database   database     fewer  sys-databases
    master_files                             definition definition   fewer  sys-master-files
    configurations                           -          -            fewer  sys-configurations
    fn_helpcollations                        -          -            fewer  sys-fn-helpcollations
    server_principals                        definition secdef       fewer  sys-server-principals
    server_role_members                      definition secdef       fewer  sys-server-role-members
    sql_logins                               definition secdef       fewer  sys-sql-logins
    certificates                             definition secdef       fewer  sys-certificates (m)
    database_mirroring_endpoints             definition secdef       fewer  sys-database-mirroring-endpoints (m)
    tcp_endpoints                            definition secdef       fewer  sys-tcp-endpoints (m)
    availability_groups                      definition perfdef      fewer  sys-availability-groups (m)
    availability_replicas                    definition perfdef      fewer  sys-availability-replicas (m)
    availability_group_listeners             definition perfdef      fewer  sys-availability-group-listeners (m)
    database_files                           -          -            fewer  sys-database-files
    database_principals                      definition secdef       fewer  sys-database-principals
    database_role_members                    definition secdef       fewer  sys-database-role-members
    database_permissions                     definition secdef       fewer  sys-database-permissions
    endpoints                                definition secdef       fewer  sys-endpoints (m)
    server_permissions                       definition secdef       fewer  sys-server-permissions (m)
    schemas                                  definition definition   fewer  schemas-catalog-views-sys-schemas (m)
    objects                                  definition definition   fewer  sys-objects (m)
    symmetric_keys                           definition definition   fewer  sys-symmetric-keys (m)
    asymmetric_keys                          definition definition   fewer  sys-asymmetric-keys (m)
    assemblies                               definition definition   fewer  sys-assemblies (m)
    services                                 definition definition   fewer  sys-services (m)
    service_contracts                        definition definition   fewer  sys-service-contracts (m)
    service_message_types                    definition definition   fewer  sys-service-message-types (m)
    service_queues                           definition definition   fewer  sys-service-queues (m)
    routes                                   definition definition   fewer  sys-routes (m)
    remote_service_bindings                  definition definition   fewer  sys-remote-service-bindings (m)
    types                                    definition definition   fewer  sys-types (m)
    xml_schema_collections                   definition definition   fewer  sys-xml-schema-collections (m)
    fulltext_catalogs                        definition definition   fewer  sys-fulltext-catalogs (m)
    fulltext_stoplists                       definition definition   fewer  sys-fulltext-stoplists (m)
    registered_search_property_lists         definition definition   fewer  sys-registered-search-property-lists (m)
    event_notifications                      definition definition   fewer  sys-event-notifications (m)
    server_event_notifications               definition definition   fewer  sys-server-event-notifications (m)
    sql_modules                              definition definition   fewer  sys-sql-modules (m)
    """
)


def check_read(session: Any, name: str) -> None:
    """Raise 300 (and 297) where the session's login may not read the view or table function ``name``."""
    found = READ_RIGHTS.get(name.lower())
    if found is None or found.without != "error":
        return
    right = found.on(session.instance.major)
    if right:
        require_server(session, right)
