"""The machine and the server process: CPUs, memory, host, configuration, collations, counters of load."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from typing import Any

from simulator.errors import MESSAGES
from simulator.estate.collations import all_collations
from simulator.estate.configuration import OPTIONS
from simulator.estate.database import Database
from simulator.sql.catalog.common import columns, rows
from simulator.sql.registry import Rows, table_function, view
from simulator.sqltypes import INT, Variant

_SYS_INFO = columns(
    """
    cpu_ticks:bigint ms_ticks:bigint cpu_count:int hyperthread_ratio:int physical_memory_kb:bigint
    virtual_memory_kb:bigint committed_kb:bigint committed_target_kb:bigint visible_target_kb:bigint
    stack_size_in_bytes:int os_quantum:bigint os_error_mode:int os_priority_class:int? max_workers_count:int
    scheduler_count:int scheduler_total_count:int deadlock_monitor_serial_number:int
    sqlserver_start_time_ms_ticks:bigint sqlserver_start_time:datetime affinity_type:int
    affinity_type_desc:nvarchar(60) process_kernel_time_ms:bigint process_user_time_ms:bigint time_source:int
    time_source_desc:nvarchar(60) virtual_machine_type:int virtual_machine_type_desc:nvarchar(60)
    softnuma_configuration:int softnuma_configuration_desc:nvarchar(60)
    process_physical_affinity:nvarchar(3072)
    sql_memory_model:int sql_memory_model_desc:nvarchar(60) socket_count:int cores_per_socket:int
    numa_node_count:int
    container_type:int container_type_desc:nvarchar(60)
    """
)
_BOOT_MS = 86_400_000  # the machine had been up for a day when the instance started
_COMMITTED_KB = 400_000


def _memory_target_kb(instance: Any) -> int:
    physical = instance.spec.memory_mib * 1024
    limit = instance.running["max server memory (MB)"] * 1024
    return min(limit, physical * 8 // 10)


@view("sys.dm_os_sys_info", _SYS_INFO)
def dm_os_sys_info(session: Any, _database: Database) -> Rows:
    """One row; memory in KB, ``sqlserver_start_time`` in the server's local time."""
    instance, spec = session.instance, session.instance.spec
    up_ms = int(instance.uptime.total_seconds() * 1000)
    started = instance.clock.local() - timedelta(milliseconds=up_ms)
    target = _memory_target_kb(instance)
    row = {
        "cpu_ticks": up_ms * 2_000_000, "ms_ticks": _BOOT_MS + up_ms, "cpu_count": spec.cpus,
        "hyperthread_ratio": spec.cpus, "physical_memory_kb": spec.memory_mib * 1024,
        "virtual_memory_kb": 137_438_953_344, "committed_kb": min(_COMMITTED_KB, target),
        "committed_target_kb": target, "visible_target_kb": target, "stack_size_in_bytes": 2_093_056,
        "os_quantum": 4, "os_error_mode": 5, "os_priority_class": 32, "max_workers_count": 512,
        "scheduler_count": spec.cpus, "scheduler_total_count": spec.cpus + 9,
        "deadlock_monitor_serial_number": 1, "sqlserver_start_time_ms_ticks": _BOOT_MS,
        "sqlserver_start_time": started, "affinity_type": 2, "affinity_type_desc": "AUTO",
        "process_kernel_time_ms": up_ms // 100, "process_user_time_ms": up_ms // 20, "time_source": 0,
        "time_source_desc": "QUERY_PERFORMANCE_COUNTER", "virtual_machine_type": 1,
        "virtual_machine_type_desc": "HYPERVISOR", "softnuma_configuration": 0,
        "softnuma_configuration_desc": "OFF",
        "process_physical_affinity": "{{0,f}}", "sql_memory_model": 1, "sql_memory_model_desc":
        "CONVENTIONAL",
        "socket_count": 1, "cores_per_socket": spec.cpus, "numa_node_count": 1, "container_type": 0,
        "container_type_desc": "NONE",
    }  # fmt: skip
    return rows(_SYS_INFO, [row])


_MEMORY = columns(
    "total_physical_memory_kb:bigint available_physical_memory_kb:bigint total_page_file_kb:bigint "
    "available_page_file_kb:bigint system_cache_kb:bigint kernel_paged_pool_kb:bigint "
    "kernel_nonpaged_pool_kb:bigint "
    "system_high_memory_signal_state:bit system_low_memory_signal_state:bit "
    "system_memory_state_desc:nvarchar(256)"
)


def is_memory_low(instance: Any) -> bool:
    """The simulated machine signals low memory below 64 MB available."""
    return bool(instance.available_memory_mib < 64)


@view("sys.dm_os_sys_memory", _MEMORY)
def dm_os_sys_memory(session: Any, _database: Database) -> Rows:
    """One row, in KB."""
    instance = session.instance
    total, free = instance.spec.memory_mib * 1024, instance.available_memory_mib * 1024
    low = is_memory_low(instance)
    state = "Available physical memory is low" if low else "Available physical memory is high"
    return [(total, free, total * 2, free * 2, total // 10, 100_000, 50_000, int(not low), int(low), state)]


_PROCESS = columns(
    "physical_memory_in_use_kb:bigint large_page_allocations_kb:bigint locked_page_allocations_kb:bigint "
    "total_virtual_address_space_kb:bigint virtual_address_space_reserved_kb:bigint "
    "virtual_address_space_committed_kb:bigint virtual_address_space_available_kb:bigint "
    "page_fault_count:bigint "
    "memory_utilization_percentage:int available_commit_limit_kb:bigint process_physical_memory_low:bit "
    "process_virtual_memory_low:bit"
)


@view("sys.dm_os_process_memory", _PROCESS)
def dm_os_process_memory(session: Any, _database: Database) -> Rows:
    """One row, in KB."""
    instance = session.instance
    used = min(_COMMITTED_KB, _memory_target_kb(instance))
    low = int(is_memory_low(instance))
    return [(used, 0, 0, 137_438_953_344, used * 4, used, 137_000_000_000, 50_000, 100, used * 8, low, 0)]


_RING = columns(
    "ring_buffer_address:varbinary(8) ring_buffer_type:nvarchar(60) timestamp:bigint record:nvarchar(3072)?"
)
_SAMPLES = 5  # minutes of history


@view("sys.dm_os_ring_buffers", _RING)
def dm_os_ring_buffers(session: Any, _database: Database) -> Rows:
    """CPU samples, one a minute. On Linux up to 2022 SystemIdle is always 0, as on real servers."""
    instance = session.instance
    own = instance.cpu_percent
    idle = 0 if not instance.is_windows and instance.major < 17 else max(0, 100 - own - 2)
    now_ms = _BOOT_MS + int(instance.uptime.total_seconds() * 1000)
    found = []
    for number in range(_SAMPLES):
        at = now_ms - number * 60_000
        record = (
            f'<Record id = "{_SAMPLES - number}" type ="RING_BUFFER_SCHEDULER_MONITOR" time ="{at}">'
            f"<SchedulerMonitorEvent><SystemHealth><ProcessUtilization>{own}</ProcessUtilization>"
            f"<SystemIdle>{idle}</SystemIdle><UserModeTime>{own * 6000}</UserModeTime>"
            "<KernelModeTime>5000</KernelModeTime><PageFaults>100</PageFaults><WorkingSetDelta>0</WorkingSetDelta>"
            "<MemoryUtilization>100</MemoryUtilization></SystemHealth></SchedulerMonitorEvent></Record>"
        )
        found.append((bytes(8), "RING_BUFFER_SCHEDULER_MONITOR", at, record))
    return found


_HOST = (
    "host_platform:nvarchar(256) host_distribution:nvarchar(256) host_release:nvarchar(256) "
    "host_service_pack_level:nvarchar(256) host_sku:int? os_language_version:int"
)


def _host_columns(instance: Any) -> Any:
    return columns(_HOST + (" host_architecture:nvarchar(256)" if instance.major >= 16 else ""))


@view("sys.dm_os_host_info", _host_columns)
def dm_os_host_info(session: Any, _database: Database) -> Rows:
    """The operating system; up to 2019 anybody may read it."""
    instance = session.instance
    if instance.is_windows:
        row: tuple[Any, ...] = ("Windows", "Windows Server 2022 Standard", "10.0", "", 7, 1033, "X64")
    else:
        row = ("Linux", "Ubuntu", "22.04", "", None, 0, "X64")
    return [row[: len(_host_columns(instance))]]


_CONFIGURATIONS = columns(
    "configuration_id:int name:nvarchar(35) value:variant? minimum:variant? maximum:variant? "
    "value_in_use:variant? "
    "description:nvarchar(255) is_dynamic:bit is_advanced:bit"
)


@view("sys.configurations", _CONFIGURATIONS)
def configurations(session: Any, _database: Database) -> Rows:
    """Server options: configured and in use, as sql_variant of int."""

    instance = session.instance

    def integer(value: int) -> Variant:
        return Variant(INT, value)

    return [
        (
            o.number, o.name, integer(instance.configured[o.name]), integer(o.minimum), integer(o.maximum),
            integer(instance.running[o.name]), o.description, int(o.is_dynamic), int(o.is_advanced),
        )
        for o in OPTIONS
    ]  # fmt: skip


@table_function("sys.fn_helpcollations", columns("name:sysname description:nvarchar(1000)"))
def fn_helpcollations(_session: Any, _database: Database) -> Rows:
    """All collations."""
    return _collation_rows()


@cache
def _collation_rows() -> tuple[tuple[str, str], ...]:
    return tuple((c.name, c.description) for c in all_collations().values())


_MESSAGES = columns(
    "message_id:int language_id:smallint severity:tinyint? is_event_logged:bit text:nvarchar(2048)"
)


@view("sys.messages", _MESSAGES)
def messages(_session: Any, _database: Database) -> Rows:
    """The messages that the simulator can send."""

    return [
        (n, 1033, severity, 0, _PLACE.sub("%ls", text)) for n, (severity, text) in sorted(MESSAGES.items())
    ]


_PLACE = re.compile(r"\{\d\}")


_LANGUAGES = columns(
    "langid:smallint dateformat:nchar(3) datefirst:tinyint upgrade:int? name:sysname alias:sysname "
    "months:nvarchar(372)? shortmonths:nvarchar(132)? days:nvarchar(217)? lcid:int msglangid:smallint"
)


@view("sys.syslanguages", _LANGUAGES)
def syslanguages(_session: Any, _database: Database) -> Rows:
    """us_english, the only language of the simulator."""
    return [(0, "mdy", 7, 0, "us_english", "English", None, None, None, 1033, 1033)]


_SERVERS = columns(
    "server_id:int name:sysname product:sysname provider:sysname data_source:nvarchar(4000)? is_linked:bit "
    "is_remote_login_enabled:bit is_data_access_enabled:bit modify_date:datetime"
)


@view("sys.servers", _SERVERS)
def servers(session: Any, _database: Database) -> Rows:
    """The server itself; there are no linked servers."""
    name = session.instance.server_name
    return [(0, name, "SQL Server", "SQLNCLI", name, 0, 1, 0, session.instance.databases[0].created)]
