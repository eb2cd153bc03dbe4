"""What mssql_discover makes of rows: subsets, rights, volumes, units, the size of the result, as tables."""

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils._result_size import MAX_CHARACTERS, fit
from ansible_collections.sqlhosting.mssql.plugins.module_utils._rights import (
    DATABASES,
    FILES,
    LOGINS,
    STATE,
    Rights,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import utc_offset, utc_text
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.databases import (
    add_files,
    add_used,
    databases_of,
    logins_of,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.groups import (
    groups_of,
    seen_from_secondaries,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.machine import (
    configuration_of,
    cpu_of,
    features_of,
    volumes_of,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.subsets import SUBSETS, wanted_subsets
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.measure import why_not_entered

GIB = 1024**3
RUNNER_LIMIT = 700_000  # characters; ansible-runner empties larger results

# --- subsets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (["all"], set(SUBSETS)),
        (["version"], {"version"}),
        (["!collations"], set(SUBSETS) - {"collations"}),
        (["all", "!collations", "!logins"], set(SUBSETS) - {"collations", "logins"}),
        (["files"], {"databases", "files"}),
        (["space", "cpu"], {"databases", "space", "cpu"}),
        (["!databases"], set(SUBSETS) - {"databases", "files", "space"}),
        (["!all", "cpu"], {"cpu"}),
        (["version", "cpu", "!cpu"], {"version"}),
    ],
)
def test_gather_subset_takes_names_and_exclusions(asked: list[str], wanted: set[str]) -> None:
    assert wanted_subsets(asked) == wanted


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["tables"], "'tables' is no subset"),
        (["!tables"], "'!tables' is no subset"),
        (["!!cpu"], "'!!cpu' is no subset"),
        (["version", "!version"], "leaves nothing"),
        (["!all"], "leaves nothing"),
    ],
)
def test_an_unknown_or_empty_choice_is_refused_with_the_names_that_exist(asked: list[str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        wanted_subsets(asked)


# --- rights --------------------------------------------------------------------------------------------


def identity(version: str = "16.0.4135.4", **rights: int) -> dict:
    names = (
        "view_server_state",
        "view_server_performance_state",
        "view_any_definition",
        "view_any_security_definition",
        "view_any_database",
        "alter_any_database",
        "alter_any_login",
    )
    return {"product_version": version, **dict.fromkeys(names, 0), **rights}


@pytest.mark.parametrize(
    ("row", "need", "missing"),
    [
        (identity(), STATE, "VIEW SERVER PERFORMANCE STATE"),
        (identity(view_server_performance_state=1), STATE, None),
        (identity(view_server_state=1), STATE, None),
        # 2019 does not know the newer right: HAS_PERMS_BY_NAME gives NULL
        (identity("15.0.4415.2", view_server_performance_state=None), STATE, "VIEW SERVER STATE"),
        (identity("15.0.4415.2", view_server_state=1), STATE, None),
        (identity(), FILES, "VIEW ANY DEFINITION"),
        (identity(alter_any_database=1), FILES, None),
        (identity(alter_any_database=1), DATABASES, None),
        (identity(), DATABASES, "VIEW ANY DATABASE"),
        (identity(), LOGINS, "VIEW ANY SECURITY DEFINITION"),
        (identity("15.0.4415.2"), LOGINS, "VIEW ANY DEFINITION"),
        (identity(alter_any_login=1), LOGINS, None),
    ],
)
def test_the_missing_right_is_named_as_the_version_knows_it(
    row: dict, need: str, missing: str | None
) -> None:
    assert Rights(row).missing(need) == missing


# --- the machine ---------------------------------------------------------------------------------------


def system_row() -> dict:
    return {
        "cpu_count": 8,
        "socket_count": 1,
        "cores_per_socket": 8,
        "hyperthread_ratio": 8,
        "numa_node_count": 1,
        "scheduler_count": 8,
        "virtual_machine_type_desc": "HYPERVISOR",
        "container_type_desc": "NONE",
        "uptime_s": 86400,
        "sqlserver_start_time": datetime.datetime(2026, 1, 1, 12, 0, 0, 7000),
    }


@pytest.mark.parametrize(
    ("load", "is_linux", "busy", "reason"),
    [
        ([{"sql_percent": 7, "idle_percent": 88}], False, 12, None),
        ([{"sql_percent": 7, "idle_percent": 0}], False, 100, None),
        ([{"sql_percent": 7, "idle_percent": 0}], True, None, "Linux"),
        ([{"sql_percent": 7, "idle_percent": 88}], True, 12, None),  # 2025 tells it on Linux again
        ([], False, None, "one sample a minute"),
    ],
)
def test_the_load_is_unknown_where_sql_server_does_not_tell_it(
    load: list, is_linux: bool, busy: int | None, reason: str | None
) -> None:
    cpu, said = cpu_of(system_row(), load, is_linux=is_linux, offset_minutes=120)
    assert cpu["busy_percent"] == busy
    assert (reason is None and said is None) or reason in said
    assert cpu["started_at"] == "2026-01-01T10:00:00Z"


def volume_row(path: str, *, mount: str | None = None, total: int = 100, free: float = 50) -> dict:
    return {
        "physical_name": path,
        "mount_point": mount,
        "label": None,
        "total_bytes": int(total * GIB),
        "available_bytes": int(free * GIB),
    }


def volumes_shown(rows: list) -> list[tuple]:
    return [
        (volume["mount_point"], volume["is_derived"], volume["files"], volume["available_mib"])
        for volume in volumes_of(rows)
    ]


def test_volumes_of_windows_are_told_by_their_mount_point() -> None:
    rows = [
        volume_row("D:\\data\\a.mdf", mount="D:\\"),
        volume_row("D:\\data\\b.mdf", mount="D:\\"),
        volume_row("L:\\log\\a.ldf", mount="L:\\"),
    ]
    assert volumes_shown(rows) == [("D:\\", False, 2, 51200), ("L:\\", False, 1, 51200)]


def test_volumes_of_linux_are_derived_from_the_paths_and_say_so() -> None:
    rows = [
        volume_row("/var/opt/mssql/data/a.mdf", total=100, free=50),
        # some bytes were written between two rows of one query
        volume_row("/var/opt/mssql/data/b.mdf", total=100, free=49.99),
        volume_row("/var/opt/mssql/extra/c.mdf", total=100, free=50),
        volume_row("/log/a.ldf", total=20, free=10),
        {**volume_row("/gone/x.mdf"), "total_bytes": None, "available_bytes": None},
    ]
    assert volumes_shown(rows) == [
        ("/log/", True, 1, 10240),
        ("/var/opt/mssql/", True, 3, 51189),
    ]


def test_folders_with_different_free_space_are_different_volumes() -> None:
    rows = [volume_row("/data/a.mdf", free=50), volume_row("/log/a.ldf", free=20)]
    assert [mount for mount, *_rest in volumes_shown(rows)] == ["/data/", "/log/"]


def test_memory_without_a_limit_is_none() -> None:
    rows = [
        {"name": "max server memory (MB)", "configured": 2147483647, "running": 2147483647},
        {"name": "max degree of parallelism", "configured": 4, "running": 8},
    ]
    found = configuration_of(rows)
    assert found["max_server_memory_mib"] == {"configured": None, "running": None}
    assert found["max_degree_of_parallelism"] == {"configured": 4, "running": 8}


@pytest.mark.parametrize(
    ("major", "edition", "groups", "contained", "s3"),
    [
        (15, 3, "full", False, False),
        (16, 3, "full", True, True),
        (16, 2, "basic", False, True),
        (17, 4, "none", False, False),
    ],
)
def test_features_follow_version_and_edition(
    major: int, edition: int, groups: str, contained: bool, s3: bool
) -> None:
    assert features_of(major, edition) == {
        "availability_groups": groups,
        "contained_availability_groups": contained,
        "backup_to_s3": s3,
    }


def test_a_time_is_told_in_utc_without_fractions() -> None:
    local = datetime.datetime(2026, 1, 1, 1, 30, 0, 500)
    assert utc_text(local, offset_minutes=120) == "2025-12-31T23:30:00Z"
    assert utc_text(None) is None
    assert [utc_offset(minutes) for minutes in (0, 1, 121, 329, -211)] == [0, 0, 120, 330, -210]


# --- databases, logins, groups -------------------------------------------------------------------------


def database_row(number: int, name: str) -> dict:
    return {
        "database_id": number,
        "name": name,
        "state_desc": "ONLINE",
        "user_access_desc": "MULTI_USER",
        "owner_name": "hosting_owner",
        "recovery_model_desc": "FULL",
        "collation_name": "SQL_Latin1_General_CP1_CI_AS",
        "containment_desc": "NONE",
        "compatibility_level": 160,
        "is_read_committed_snapshot_on": True,
        "is_read_only": False,
        "is_auto_close_on": False,
        "is_encrypted": False,
        "source_database_id": None,
        "in_availability_group": 0,
        "log_reuse_wait_desc": "NOTHING",
        "create_date": datetime.datetime(2026, 1, 1),
        "has_access": 1,
    }


def file_rows(number: int, name: str, **log: int) -> list[dict]:
    common = {"database_id": number, "file_state": "ONLINE", "is_percent_growth": False, "growth": 8192}
    data = {
        "file_id": 1,
        "file_type": 0,
        "file_name": name,
        "physical_name": f"/var/opt/mssql/data/{name}.mdf",
    }
    other = {**data, "file_id": 2, "file_type": 1, "file_name": f"{name}_log"}
    return [
        {**common, **data, "size": 8192, "max_size": 1310720},
        {**common, **other, "size": 8192, "max_size": 268435456, **log},
    ]


def test_files_stand_in_their_database_with_sums() -> None:
    databases = databases_of([database_row(5, "shop")], offset_minutes=0)
    add_files(databases, file_rows(5, "shop"))
    assert add_used(databases, {5: {"data": 400, "log": 64}}) == []
    shop = databases[0]
    assert [file["type"] for file in shop["files"]] == ["data", "log"]
    assert (shop["data_size_mib"], shop["data_max_size_mib"]) == (64, 10240)
    assert (shop["log_size_mib"], shop["log_max_size_mib"]) == (64, None)  # 2 TiB: nobody set a limit
    assert (shop["data_used_mib"], shop["log_used_mib"]) == (3.125, 0.5)
    assert shop["files"][0]["growth_mib"] == 64


def test_growth_in_percent_is_told_as_percent() -> None:
    databases = databases_of([database_row(5, "shop")], offset_minutes=0)
    add_files(databases, file_rows(5, "shop", growth=10, is_percent_growth=True))
    log = databases[0]["files"][1]
    assert log["growth_percent"] == 10
    assert "growth_mib" not in log


def test_a_login_stands_once_with_all_its_server_roles() -> None:
    row = {
        "principal_id": 259,
        "name": "ops",
        "type_desc": "SQL_LOGIN",
        "sid": bytes(range(16)),
        "is_disabled": False,
        "default_database_name": "master",
        "is_policy_checked": True,
        "is_expiration_checked": False,
        "is_locked": 1,
        "create_date": None,
        "server_role": "dbcreator",
    }
    logins = logins_of([row, {**row, "server_role": "securityadmin"}], offset_minutes=0)
    assert len(logins) == 1
    assert logins[0]["server_roles"] == ["dbcreator", "securityadmin"]
    assert logins[0]["is_locked"] is True
    assert logins[0]["sid"] == "0x000102030405060708090A0B0C0D0E0F"


def group_rows() -> list[dict]:
    common = {
        "group_name": "ag1",
        "cluster_type_desc": "EXTERNAL",
        "automated_backup_preference_desc": "PRIMARY",
        "basic_features": False,
        "db_failover": True,
        "required_synchronized_secondaries_to_commit": 1,
        "is_contained": False,
        "dns_name": "ag1-listener",
        "port": 1433,
        "endpoint_url": "TCP://n1:5022",
        "availability_mode_desc": "SYNCHRONOUS_COMMIT",
        "failover_mode_desc": "EXTERNAL",
        "seeding_mode_desc": "AUTOMATIC",
        "secondary_role_allow_connections_desc": "ALL",
        "primary_replica": "n1",
        "group_health_desc": "HEALTHY",
        "connected_state_desc": "CONNECTED",
        "synchronization_health_desc": "HEALTHY",
        "last_connect_error_number": None,
    }
    return [
        {**common, "replica_server_name": "n1", "is_local": True, "role_desc": "PRIMARY"},
        {**common, "replica_server_name": "n2", "is_local": False, "role_desc": "SECONDARY"},
    ]


def test_a_group_holds_its_listener_replicas_and_databases() -> None:
    state = {
        "group_name": "ag1",
        "replica_server_name": "n2",
        "database_name": "shop",
        "is_database_joined": True,
        "is_failover_ready": True,
        "synchronization_state_desc": "SYNCHRONIZED",
        "synchronization_health_desc": "HEALTHY",
        "database_state_desc": "ONLINE",
        "is_suspended": False,
        "suspend_reason_desc": None,
        "log_send_queue_size": 0,
        "redo_queue_size": 12,
        "secondary_lag_seconds": 3,
    }
    (group,) = groups_of(group_rows(), [state])
    assert group["listeners"] == [{"name": "ag1-listener", "port": 1433}]
    assert [(r["name"], r["role"]) for r in group["replicas"]] == [("n1", "primary"), ("n2", "secondary")]
    assert group["databases"][0]["redo_queue_kib"] == 12
    assert seen_from_secondaries([group]) == []


def test_without_the_right_to_see_states_they_are_none_and_not_empty() -> None:
    rows = [
        {key: value for key, value in row.items() if key not in ("role_desc", "is_local", "primary_replica")}
        for row in group_rows()
    ]
    (group,) = groups_of(rows, None)
    assert group["databases"] is None
    assert group["replicas"][0]["role"] is None


def test_a_secondary_says_that_it_sees_only_itself() -> None:
    rows = group_rows()
    rows[0].update(is_local=False)
    rows[1].update(is_local=True)
    assert seen_from_secondaries(groups_of(rows, [])) == ["ag1"]


# --- size ----------------------------------------------------------------------------------------------


def large_instance(count: int) -> dict:
    names = [f"customer_{number:04}_orders" for number in range(count)]
    rows = [database_row(number + 5, name) for number, name in enumerate(names)]
    databases = databases_of(rows, offset_minutes=0)
    add_files(databases, [row for number, name in enumerate(names) for row in file_rows(number + 5, name)])
    add_used(databases, {number + 5: {"data": 400, "log": 64} for number in range(count)})
    login = {"name": "customer_0000_app", "type": "sql_login", "sid": "0x" + "0" * 32, "is_disabled": False}
    login |= {"default_database": "master", "check_policy": True, "check_expiration": False}
    login |= {"created_at": "2026-01-01T00:00:00Z", "server_roles": []}
    return {
        "collations": {"count": 5540, "names": ["SQL_Latin1_General_CP1_CI_AS"] * 5540},
        "databases": databases,
        "logins": [login] * (2 * count),
    }


@pytest.mark.parametrize("count", [10, 200, 1000, 5000])
def test_the_result_stays_well_below_what_ansible_runner_empties(count: int) -> None:
    instance = large_instance(count)
    omitted = fit(instance)
    size = len(json.dumps(instance))
    assert size <= MAX_CHARACTERS < RUNNER_LIMIT * 0.75
    assert bool(omitted) == (count > 200)
    if count == 1000:  # what bookings and quota reports need is still there
        needed = {"name", "owner", "state", "data_size_mib", "data_max_size_mib", "data_used_mib"}
        assert needed <= set(instance["databases"][999])
        assert len(instance["logins"]) == 2000
        assert {"name", "sid", "is_disabled"} <= set(instance["logins"][1999])


def test_what_was_left_out_is_told_and_is_none() -> None:
    instance = large_instance(1000)
    assert fit(instance)[0].startswith("collations.names: ")
    assert instance["collations"] == {"count": 5540, "names": None}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"state_desc": "RECOVERY_PENDING", "has_access": 0}, "the database is recovery pending"),
        ({"has_access": 0}, "CONNECT ANY DATABASE"),
        ({"has_access": 0, "in_availability_group": 1}, "ask the primary"),
        ({"name": "bell\x07"}, "cannot be written in T-SQL"),
    ],
)
def test_a_database_that_cannot_be_entered_is_told_apart_before_it_is_tried(
    changed: dict, reason: str | None
) -> None:
    found = why_not_entered({**database_row(5, "shop"), **changed})
    assert (found is None and reason is None) or reason in found
