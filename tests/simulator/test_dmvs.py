# ruff: noqa: E501 - one statement per line reads best
"""Dynamic management views: machine, memory, CPU, counters, sessions."""

from __future__ import annotations

from collections.abc import Iterator

import pyodbc
import pytest

from tests.simulator.asking import fresh, rows, run, value
from tests.support.simulators import Simulator, connect, running_simulator

CPU = """SELECT TOP (1) r.x.value('(//ProcessUtilization)[1]','int') sql_pct,
        r.x.value('(//SystemIdle)[1]','int') idle_pct
    FROM (SELECT [timestamp] t, CONVERT(xml, record) x FROM sys.dm_os_ring_buffers
          WHERE ring_buffer_type = N'RING_BUFFER_SCHEDULER_MONITOR' AND record LIKE N'%<SystemHealth>%') r
    ORDER BY r.t DESC"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    topology = {
        "instances": [
            {"name": "small", "cpus": 2, "memory_mib": 2048, "cpu_percent": 30},
            {"name": "win", "platform": "Windows", "instance_name": "INST", "cpu_percent": 30},
            {"name": "new", "version": 2025, "cpu_percent": 30},
        ]
    }
    with running_simulator(topology, folder=tmp_path_factory.mktemp("machines")) as running:
        yield running


def test_cpus_and_memory(machines: Simulator, driver: str) -> None:
    with connect(machines.instances["small"], driver=driver) as opened:
        query = """SELECT cpu_count, scheduler_count, physical_memory_kb, committed_target_kb,
            (ms_ticks - sqlserver_start_time_ms_ticks) / 1000 FROM sys.dm_os_sys_info"""
        cpus, schedulers, physical, target, up = rows(opened, query)[0]
        assert (cpus, schedulers, physical) == (2, 2, 2048 * 1024)
        assert target < physical and 0 <= up < 600
        memory = """SELECT total_physical_memory_kb, available_physical_memory_kb, system_low_memory_signal_state
            FROM sys.dm_os_sys_memory"""
        machines.control.set_memory("small", 1000)
        assert rows(opened, memory) == [(2048 * 1024, 1000 * 1024, False)]
        machines.control.set_memory("small", 10)
        assert rows(opened, memory) == [(2048 * 1024, 10 * 1024, True)]
        assert value(opened, "SELECT process_physical_memory_low FROM sys.dm_os_process_memory") is True
        machines.control.set_memory("small", 1000)


@pytest.mark.parametrize(("name", "wanted"), [("small", (30, 0)), ("win", (30, 68)), ("new", (30, 68))])
def test_cpu_samples(machines: Simulator, driver: str, name: str, wanted: tuple[int, int]) -> None:
    """On Linux SystemIdle is always 0 up to 2022."""
    with connect(machines.instances[name], driver=driver) as opened:
        assert rows(opened, CPU) == [wanted]


def test_a_named_instance_names_its_counters_so(machines: Simulator, driver: str) -> None:
    with connect(machines.instances["win"], driver=driver) as opened:
        assert value(opened, "SELECT CONVERT(nvarchar(128), SERVERPROPERTY('ServerName'))") == "win\\INST"
        padded = "SELECT DISTINCT RTRIM(object_name) FROM sys.dm_os_performance_counters WHERE object_name LIKE '%:Databases%'"
        assert rows(opened, padded) == [("MSSQL$INST:Databases",)]


def test_log_space_by_counter_and_by_view(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE [{name}]")
    query = """SELECT RTRIM(counter_name), cntr_value FROM sys.dm_os_performance_counters
        WHERE RTRIM(instance_name) = ? AND counter_name LIKE '%Log File(s)%' ORDER BY counter_name"""
    found = dict(rows(connection, query, name))
    assert found["Log File(s) Size (KB)"] == 8192
    assert 0 < found["Log File(s) Used Size (KB)"] < 8192
    view = f"SELECT total_log_size_in_bytes, database_id FROM [{name}].sys.dm_db_log_space_usage"
    assert rows(connection, view) == [(8192 * 1024, value(connection, "SELECT DB_ID(?)", name))]


def test_sessions_show_who_is_there(simulator: Simulator, driver: str) -> None:
    instance = simulator.instances["sql01"]
    with connect(instance, driver=driver, app="looker", database="msdb") as opened:
        query = """SELECT s.program_name, s.login_name, DB_NAME(s.database_id), s.status, c.net_transport,
                r.command FROM sys.dm_exec_sessions s
            JOIN sys.dm_exec_connections c ON c.session_id = s.session_id
            JOIN sys.dm_exec_requests r ON r.session_id = s.session_id WHERE s.session_id = @@SPID"""
        assert rows(opened, query) == [("looker", "sa", "msdb", "running", "TCP", "SELECT")]


def test_the_host_is_told_to_anybody(machines: Simulator, driver: str) -> None:
    for name, wanted in (("small", "Linux"), ("win", "Windows")):
        with connect(machines.instances[name], driver=driver) as opened:
            assert value(opened, "SELECT host_platform FROM sys.dm_os_host_info") == wanted
