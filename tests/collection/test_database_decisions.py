"""mssql_database decides by tables: the database as it is and what is asked give these statements."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    DatabaseMissing,
    DatabaseNotReady,
    InUse,
    InvalidInput,
    ObjectExists,
    PermissionDenied,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.checks import check_input
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.decide import (
    decide_absent,
    decide_create,
    decide_files,
    decide_offline,
    decide_online,
    decide_renamed,
    decide_settings,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.files import (
    FileWish,
    file_specs,
    file_stem,
    free_paths,
    logical_names,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.module import ARGUMENT_SPEC
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.state import Database
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.volumes import check_room

from tests.support.changes import nothing_planned, rendered

LINUX = {"data": "/var/opt/mssql/data/", "log": "/var/opt/mssql/log"}
WINDOWS = {"data": "D:\\Data\\", "log": "E:\\Log"}
UNLIMITED_LOG = 268435456


def asked(**options: Any) -> dict[str, Any]:
    """The module's options with their defaults."""
    params = {option: rule.get("default") for option, rule in ARGUMENT_SPEC.items()}
    return {**params, "name": "shop", **options}


def wishes(**options: Any) -> dict[str, FileWish]:
    return {kind: FileWish(kind, asked(**options)) for kind in ("data", "log")}


def row(**columns: Any) -> dict[str, Any]:
    """A row of template database/observe: an ordinary database's data file of 128 MiB, maximum 1 GiB."""
    return {
        "name": "shop",
        "database_id": 5,
        "state": "ONLINE",
        "user_access": "MULTI_USER",
        "recovery_model": "FULL",
        "collation": "Latin1_General_CI_AS",
        "containment": "NONE",
        "compatibility_level": 160,
        "read_committed_snapshot": False,
        "auto_close": False,
        "source_database_id": None,
        "owner": "sa",
        "in_availability_group": 0,
        "same_owner": 1,
        "same_collation": 1,
        "file_id": 1,
        "file_type": 0,
        "file_name": "shop",
        "physical_name": "/data/shop.mdf",
        "file_state": "ONLINE",
        "size": 128 * 128,
        "max_size": 1024 * 128,
        "growth": 64 * 128,
        "is_percent_growth": False,
        **columns,
    }


LOG = {"file_id": 2, "file_type": 1, "file_name": "shop_log", "physical_name": "/log/shop_log.ldf"}


def existing(
    *, data: dict[str, Any] | None = None, log: dict[str, Any] | None = None, **columns: Any
) -> Database:
    return Database.from_rows([row(**columns, **(data or {})), row(**columns, **LOG, **(log or {}))])


def test_a_new_database_gets_its_files_and_then_every_setting_asked_for() -> None:
    params = asked(
        collation="latin1_general_100_ci_as",
        containment="none",
        recovery_model="full",
        compatibility_level=160,
        read_committed_snapshot=True,
        owner="shop_owner",
        data_size="256MiB",
        data_max_size="10GiB",
        data_growth="64MiB",
        log_max_size="unlimited",
        log_growth="10%",
    )
    files = {kind: FileWish(kind, params) for kind in ("data", "log")}
    specs = file_specs("shop", files, free_paths("shop", LINUX, []))
    changes = decide_create("shop", params, specs=specs, collation="Latin1_General_100_CI_AS")
    assert rendered(changes) == [
        "CREATE DATABASE [shop] CONTAINMENT = NONE"
        " ON PRIMARY (NAME = N'shop', FILENAME = N'/var/opt/mssql/data/shop.mdf',"
        " SIZE = 256MB, MAXSIZE = 10240MB, FILEGROWTH = 64MB)"
        " LOG ON (NAME = N'shop_log', FILENAME = N'/var/opt/mssql/log/shop_log.ldf',"
        " MAXSIZE = UNLIMITED, FILEGROWTH = 10%)"
        " COLLATE Latin1_General_100_CI_AS",
        "ALTER DATABASE [shop] SET RECOVERY FULL",
        "ALTER DATABASE [shop] SET COMPATIBILITY_LEVEL = 160",
        "ALTER DATABASE [shop] SET READ_COMMITTED_SNAPSHOT ON WITH NO_WAIT",
        "ALTER AUTHORIZATION ON DATABASE::[shop] TO [shop_owner]",
    ]
    assert changes[0].creates == "database:shop"


def test_paths_take_the_separator_of_the_servers_platform() -> None:
    assert free_paths("shop", WINDOWS, []) == {"data": "D:\\Data\\shop.mdf", "log": "E:\\Log\\shop_log.ldf"}


def test_files_that_another_database_uses_are_left_to_it() -> None:
    taken = ["d:\\data\\SHOP.mdf", "E:\\Log\\shop_2_log.ldf", "E:\\Log\\shopping_log.ldf"]
    assert free_paths("shop", WINDOWS, taken)["data"] == "D:\\Data\\shop_3.mdf"


def test_a_bare_database_is_created_where_the_server_puts_files() -> None:
    assert rendered(decide_create("shop", asked(), specs=[], collation=None)) == ["CREATE DATABASE [shop]"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("shop", "shop"),
        ("Grüße 2026", "Grüße 2026"),
        ("a]b", "a_b_"),
        ("it's;--", "it_s_--_"),
        ("../etc", "_._etc_"),
        ("NUL", "_NUL_"),
        ("dot.", "dot__"),
    ],
)
def test_file_names_are_safe_on_every_platform(name: str, stem: str) -> None:
    made = file_stem(name)
    assert made == stem if stem == name else made.startswith(stem)
    assert not set(made) & set("/\\:*?\"<>|'[];")


def test_names_made_safe_do_not_collide() -> None:
    assert file_stem("a]b") != file_stem("a[b")


def test_long_names_fit_file_system_and_catalog() -> None:
    name = "ß" * 123
    assert len(file_stem(name).encode()) <= 200
    assert len(logical_names("x" * 128)["log"]) == 128


@pytest.mark.parametrize(
    ("current", "options", "statements"),
    [
        ({}, {}, []),
        ({}, {"recovery_model": "full", "compatibility_level": 160, "containment": "none"}, []),
        ({}, {"recovery_model": "simple"}, ["ALTER DATABASE [shop] SET RECOVERY SIMPLE"]),
        ({}, {"compatibility_level": 150}, ["ALTER DATABASE [shop] SET COMPATIBILITY_LEVEL = 150"]),
        (
            {},
            {"read_committed_snapshot": True, "terminate_sessions": True},
            ["ALTER DATABASE [shop] SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE"],
        ),
        (
            {"read_committed_snapshot": True},
            {"read_committed_snapshot": False},
            ["ALTER DATABASE [shop] SET READ_COMMITTED_SNAPSHOT OFF WITH NO_WAIT"],
        ),
        ({}, {"containment": "partial"}, ["ALTER DATABASE [shop] SET CONTAINMENT = PARTIAL WITH NO_WAIT"]),
        ({"same_owner": 0}, {"owner": "x]y"}, ["ALTER AUTHORIZATION ON DATABASE::[shop] TO [x]]y]"]),
        ({}, {"user_access": "restricted_user"}, ["ALTER DATABASE [shop] SET RESTRICTED_USER WITH NO_WAIT"]),
        (
            {"same_collation": 0},
            {"collation": "Latin1_General_BIN2"},
            ["ALTER DATABASE [shop] COLLATE Latin1_General_BIN2"],
        ),
        (
            {"same_collation": 0},
            {"collation": "Latin1_General_BIN2", "terminate_sessions": True},
            [
                "ALTER DATABASE [shop] SET RESTRICTED_USER WITH ROLLBACK IMMEDIATE",
                "ALTER DATABASE [shop] COLLATE Latin1_General_BIN2",
                "ALTER DATABASE [shop] SET MULTI_USER WITH NO_WAIT",
            ],
        ),
        (
            {"same_collation": 0, "user_access": "RESTRICTED_USER"},
            {"collation": "Latin1_General_BIN2", "terminate_sessions": True},
            [
                "ALTER DATABASE [shop] SET RESTRICTED_USER WITH ROLLBACK IMMEDIATE",
                "ALTER DATABASE [shop] COLLATE Latin1_General_BIN2",
            ],
        ),
    ],
)
def test_settings_that_differ_are_altered_one_by_one(
    current: dict, options: dict, statements: list[str]
) -> None:
    changes = decide_settings(existing(**current), asked(**options), planned=nothing_planned)
    assert rendered(changes) == statements


FILE = "ALTER DATABASE [shop] MODIFY FILE (NAME = N'shop', "


@pytest.mark.parametrize(
    ("options", "statements"),
    [
        ({"data_size": "128MiB", "data_max_size": "1GiB", "data_growth": "64MiB"}, []),
        ({"data_size": "64MiB"}, []),
        ({"data_size": "256MiB"}, [FILE + "SIZE = 256MB)"]),
        (
            {"data_size": "2GiB", "data_max_size": "4GiB", "data_growth": "2GiB"},
            [FILE + "MAXSIZE = 4096MB)", FILE + "SIZE = 2048MB)", FILE + "FILEGROWTH = 2048MB)"],
        ),
        (
            {"data_size": "192MiB", "data_max_size": "256MiB", "data_growth": "16MiB"},
            [FILE + "SIZE = 192MB)", FILE + "FILEGROWTH = 16MB)", FILE + "MAXSIZE = 256MB)"],
        ),
        ({"data_max_size": "unlimited"}, [FILE + "MAXSIZE = UNLIMITED)"]),
        ({"data_growth": "10%"}, [FILE + "FILEGROWTH = 10%)"]),
        ({"log_max_size": "unlimited"}, []),
        ({"log_max_size": "2TiB"}, []),
    ],
)
def test_files_are_brought_to_the_sizes_in_an_order_that_is_legal_at_each_step(
    options: dict, statements: list[str]
) -> None:
    changes, _notes = decide_files(existing(log={"max_size": UNLIMITED_LOG}), wishes(**options))
    assert rendered(changes) == statements


def test_a_file_that_is_larger_already_stays_and_the_summary_says_so() -> None:
    changes, notes = decide_files(existing(), wishes(data_size="64MiB"))
    assert changes == []
    assert notes == [
        "The data file already has 128MiB, data_size asks for 64MiB: sizes only grow, so it stays."
    ]


def test_of_several_files_only_the_first_is_managed_and_the_summary_says_so() -> None:
    more = row(file_id=3, file_name="shop2")
    database = Database.from_rows([row(), row(**LOG), more])
    changes, notes = decide_files(database, wishes(data_size="256MiB"))
    assert rendered(changes) == [FILE + "SIZE = 256MB)"]
    assert notes == ["[shop] has 2 data files; only the first, shop, is managed."]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"data_max_size": "100MiB"}, "data_max_size"),
        ({"data_size": "2GiB"}, "data_size"),
        ({"data_size": "600MiB", "data_max_size": "512MiB"}, "data_size"),
        ({"data_growth": "600MiB", "data_max_size": "512MiB"}, "data_growth"),
        ({"data_size": "0MiB"}, "data_size"),
        ({"data_size": "-1MiB"}, "data_size"),
        ({"data_size": "100"}, "data_size"),
        ({"data_size": "17TiB"}, "data_size"),
        ({"log_max_size": "3TiB"}, "log_max_size"),
        ({"log_growth": "0%"}, "log_growth"),
    ],
)
def test_sizes_that_cannot_be_are_refused_before_any_change(options: dict, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        decide_files(existing(), wishes(**options))
    assert refusal.value.field == field


def test_files_that_the_login_may_not_see_are_an_error_not_nothing() -> None:
    blind = Database.from_rows([row(file_id=None)])
    with pytest.raises(PermissionDenied, match="not visible"):
        decide_files(blind, wishes(data_size="1GiB"))


VOLUMES_LINUX = [
    {"physical_name": "/data/master.mdf", "mount_point": None, "available_bytes": 500 * 1024**2},
    {"physical_name": "/log/mastlog.ldf", "mount_point": None, "available_bytes": 100 * 1024**2},
]
VOLUMES_WINDOWS = [{"physical_name": "D:\\m.mdf", "mount_point": "D:\\", "available_bytes": 500 * 1024**2}]


@pytest.mark.parametrize(
    ("needs", "volumes", "refused"),
    [
        ([("data_size", "/data/shop.mdf", 500)], VOLUMES_LINUX, None),
        ([("data_size", "/data/shop.mdf", 501)], VOLUMES_LINUX, "data_size"),
        ([("data_size", "/data/a", 400), ("log_size", "/data/b", 101)], VOLUMES_LINUX, "log_size"),
        ([("data_size", "/data/a", 400), ("log_size", "/log/b", 100)], VOLUMES_LINUX, None),
        ([("data_size", "/elsewhere/a", 9999)], VOLUMES_LINUX, None),
        ([("data_size", "d:\\Data\\a", 400), ("log_size", "D:\\Log\\b", 101)], VOLUMES_WINDOWS, "log_size"),
    ],
)
def test_what_a_volume_cannot_hold_is_refused(needs: list, volumes: list, refused: str | None) -> None:
    if refused is None:
        check_room(needs, volumes)
        return
    with pytest.raises(InvalidInput) as refusal:
        check_room(needs, volumes)
    assert refusal.value.field == refused


RESTRICT = "ALTER DATABASE [shop] SET RESTRICTED_USER WITH ROLLBACK IMMEDIATE"
DROP = "DROP DATABASE [shop]"


@pytest.mark.parametrize(
    ("current", "snapshots", "options", "statements"),
    [
        ({}, [], {}, [DROP]),
        ({}, [], {"terminate_sessions": True}, [RESTRICT, DROP]),
        ({"state": "OFFLINE"}, [], {}, ["ALTER DATABASE [shop] SET ONLINE", DROP]),
        (
            {"state": "OFFLINE"},
            [],
            {"terminate_sessions": True},
            ["ALTER DATABASE [shop] SET ONLINE", RESTRICT, DROP],
        ),
        ({"state": "RESTORING"}, [], {"terminate_sessions": True}, [DROP]),
        ({"state": "SUSPECT"}, [], {}, [DROP]),
        ({}, ["s1", "s2"], {"drop_snapshots": True}, ["DROP DATABASE [s1]", "DROP DATABASE [s2]", DROP]),
    ],
)
def test_a_database_is_dropped_so_that_no_file_stays(
    current: dict, snapshots: list, options: dict, statements: list[str]
) -> None:
    changes, left = decide_absent(existing(**current), snapshots, asked(**options))
    assert rendered(changes) == statements
    assert left == []


def test_files_that_were_offline_are_reported_because_they_stay_on_the_disk() -> None:
    _changes, left = decide_absent(existing(data={"file_state": "OFFLINE"}), [], asked())
    assert left == ["/data/shop.mdf"]


@pytest.mark.parametrize(
    ("current", "snapshots", "error", "words"),
    [
        ({"in_availability_group": 1}, [], InUse, "availability group"),
        ({}, ["s1"], InUse, "snapshots: \\[s1\\]"),
        ({"source_database_id": 7}, [], InvalidInput, "is a database snapshot"),
        ({"state": "RECOVERING"}, [], DatabaseNotReady, "RECOVERING"),
    ],
)
def test_what_must_not_be_dropped_is_refused_with_a_remedy(
    current: dict, snapshots: list, error: type, words: str
) -> None:
    with pytest.raises(error, match=words) as refusal:
        decide_absent(existing(**current), snapshots, asked())
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"recovery_model": "simple"}, "recovery_model: simple"),
        ({"user_access": "single_user"}, "user_access: single_user"),
    ],
)
def test_a_database_of_a_group_keeps_what_the_group_needs(options: dict, words: str) -> None:
    with pytest.raises(InUse, match=words):
        decide_settings(existing(in_availability_group=1), asked(**options), planned=nothing_planned)


@pytest.mark.parametrize(
    ("state", "online", "offline"),
    [
        ("ONLINE", [], ["ALTER DATABASE [shop] SET OFFLINE WITH NO_WAIT"]),
        ("OFFLINE", ["ALTER DATABASE [shop] SET ONLINE"], []),
        ("RESTORING", DatabaseNotReady, DatabaseNotReady),
        ("SUSPECT", DatabaseNotReady, ["ALTER DATABASE [shop] SET OFFLINE WITH NO_WAIT"]),
    ],
)
def test_online_and_offline_depend_on_the_state(state: str, online: Any, offline: Any) -> None:
    for decide, expected in (
        (lambda: decide_online(existing(state=state)), online),
        (lambda: decide_offline(existing(state=state), terminate=False), offline),
    ):
        if isinstance(expected, list):
            assert rendered(decide()) == expected
        else:
            with pytest.raises(expected):
                decide()


SHOP, OTHER = existing(), existing(name="till", database_id=6)
MODIFY = "ALTER DATABASE [shop] MODIFY NAME = [till]"


@pytest.mark.parametrize(
    ("old", "new", "options", "outcome"),
    [
        (SHOP, None, {}, [MODIFY]),
        (None, OTHER, {}, []),
        (SHOP, OTHER, {}, ObjectExists),
        (None, None, {}, DatabaseMissing),
        (
            SHOP,
            None,
            {"terminate_sessions": True},
            [RESTRICT, MODIFY, "ALTER DATABASE [till] SET MULTI_USER WITH NO_WAIT"],
        ),
        (SHOP, None, {"terminate_sessions": True, "user_access": "restricted_user"}, [RESTRICT, MODIFY]),
        (
            None,
            OTHER,
            {"user_access": "restricted_user"},
            ["ALTER DATABASE [till] SET RESTRICTED_USER WITH NO_WAIT"],
        ),
        (existing(in_availability_group=1), None, {}, InUse),
        (existing(state="OFFLINE"), None, {}, DatabaseNotReady),
    ],
)
def test_renaming_is_idempotent_and_never_overwrites(old: Any, new: Any, options: dict, outcome: Any) -> None:
    params = asked(state="renamed", new_name="till", **options)
    if isinstance(outcome, list):
        assert rendered(decide_renamed(old, new, "shop", "till", params)) == outcome
    else:
        with pytest.raises(outcome):
            decide_renamed(old, new, "shop", "till", params)


def test_a_name_is_changed_to_another_case_of_itself() -> None:
    changes = decide_renamed(existing(), existing(), "SHOP", "Shop", asked(state="renamed", new_name="Shop"))
    assert rendered(changes) == ["ALTER DATABASE [shop] MODIFY NAME = [Shop]"]
    assert (
        decide_renamed(existing(), existing(), "SHOP", "shop", asked(state="renamed", new_name="shop")) == []
    )


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": "master"}, "name"),
        ({"name": "TempDB"}, "name"),
        ({"name": "msdb", "state": "absent"}, "name"),
        ({"name": "ag1_master", "state": "absent"}, "name"),
        ({"name": ""}, "name"),
        ({"name": " shop"}, "name"),
        ({"name": "shop "}, "name"),
        ({"name": "sh\nop"}, "name"),
        ({"name": "x" * 124}, "name"),
        ({"name": "x" * 129, "state": "absent"}, "name"),
        ({"state": "renamed", "new_name": "model"}, "new_name"),
        ({"state": "renamed", "new_name": "x" * 124}, "new_name"),
        ({"new_name": "till"}, "new_name"),
        ({"state": "absent", "owner": "sa"}, "owner"),
        ({"state": "offline", "user_access": "multi_user"}, "user_access"),
        ({"collation": "Latin1; DROP"}, "collation"),
        ({"compatibility_level": 155}, "compatibility_level"),
        ({"compatibility_level": 90}, "compatibility_level"),
        ({"owner": " "}, "owner"),
    ],
)
def test_bad_options_are_refused_without_asking_the_server(options: dict, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_input(asked(**options))
    assert refusal.value.field == field


@pytest.mark.parametrize("name", ["x" * 123, "a]b", "it's", ";--", "Grüße", "店", "a b"])
def test_unusual_names_are_allowed_and_quoted(name: str) -> None:
    check_input(asked(name=name))
    quoted = name.replace("]", "]]")
    assert rendered(decide_create(name, asked(name=name), specs=[], collation=None)) == [
        f"CREATE DATABASE [{quoted}]"
    ]


@pytest.mark.parametrize(
    ("column", "options"),
    [
        ("same_collation", {"collation": "Latin1_General_CI_AS"}),
        ("same_owner", {"owner": "app"}),
        ("recovery_model", {"recovery_model": "full"}),
        ("containment", {"containment": "none"}),
        ("compatibility_level", {"compatibility_level": 150}),
        ("read_committed_snapshot", {"read_committed_snapshot": True}),
        ("auto_close", {"auto_close": False}),
        ("user_access", {"user_access": "restricted_user"}),
    ],
)
def test_null_is_unknown_and_never_different(column: str, options: dict[str, Any]) -> None:
    database = existing(**{column: None}, **({"collation": None} if column == "same_collation" else {}))
    assert decide_settings(database, asked(**options), planned=lambda _thing: False) == []
