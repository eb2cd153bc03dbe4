"""mssql_database against the simulator, through both drivers: what an operator asks, sends and sees."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.simulators import DRIVERS, Instance, Simulator, connect, running_simulator
from tests.support.tasks import Both

CREATE = {
    "collation": "latin1_general_100_ci_as",
    "recovery_model": "full",
    "read_committed_snapshot": True,
    "compatibility_level": 150,
    "data_size": "64MiB",
    "data_max_size": "1GiB",
    "data_growth": "64MiB",
    "log_size": "32MiB",
    "log_max_size": "512MiB",
    "log_growth": "10%",
}
MODIFY = {
    "recovery_model": "simple",
    "read_committed_snapshot": False,
    "data_size": "128MiB",
    "data_max_size": "2GiB",
    "log_growth": "16MiB",
    "user_access": "restricted_user",
}


@pytest.fixture
def both(instance: Instance, driver: str, tmp_path: Path) -> Both:
    """Runs a task in check mode and then for real."""
    return Both(instance, driver, tmp_path)


@pytest.fixture
def name(driver: str, request: pytest.FixtureRequest) -> str:
    """A database's name of this test's own."""
    return f"{request.node.originalname[5:][:60]}_{driver}"


@pytest.fixture
def session(instance: Instance, driver: str) -> Iterator[Any]:
    """A connection of somebody else."""
    connection = connect(instance, driver=driver)
    yield connection
    connection.close()


def test_create_again_modify_again_absent_again(both: Both, name: str) -> None:
    result, sent = both("database", name=name, **CREATE)
    assert result["changed"], result
    assert len(sent) == 4
    assert result["database"]["collation"] == "Latin1_General_100_CI_AS"
    assert result["database"]["data"] == {
        "name": name,
        "path": f"/var/opt/mssql/data/{name}.mdf",
        "state": "online",
        "size_mib": 64,
        "max_size_mib": 1024,
        "growth": "64MiB",
    }
    assert result["database"]["log"]["growth"] == "10%"
    again, sent = both("database", name=name, **CREATE)
    assert (again["changed"], sent) == (False, [])
    assert again["statements"]["read"] <= 3
    assert again["database"] == result["database"]

    modified, sent = both("database", name=name, **MODIFY)
    assert len(sent) == 6
    assert modified["diff"]["before"]["recovery_model"] == "full"
    assert modified["diff"]["after"]["recovery_model"] == "simple"
    assert modified["database"]["data"]["size_mib"] == 128
    again, sent = both("database", name=name, **MODIFY)
    assert (again["changed"], sent) == (False, [])

    gone, sent = both("database", name=name, state="absent")
    assert sent == [f"DROP DATABASE [{name}]"]
    assert (gone["database"], gone["leftover_files"]) == (None, [])
    again, sent = both("database", name=name, state="absent")
    assert (again["changed"], again["statements"]["read"]) == (False, 1)


@pytest.mark.parametrize(
    "unusual",
    ["a]b", "it's", "x;--", "sq]]''l", "Grüße", "店舗", "with blank", "dot.ted", "what?", "{x}", "n" * 116],
)
def test_unusual_names_make_exactly_that_database(both: Both, session: Any, unusual: str) -> None:
    name = f"{unusual}{both.driver[0]}"
    result, _sent = both("database", name=name)
    assert result["changed"], result
    found = session.execute("SELECT COUNT(*) FROM sys.databases WHERE name = ?", name).fetchval()
    assert (found, result["database"]["name"]) == (1, name)
    again, sent = both("database", name=name)
    assert (again["changed"], sent) == (False, [])
    gone, _sent = both("database", name=name, state="absent")
    assert gone["changed"], gone


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "master", "state": "absent"}, "system database"),
        ({"name": "x" * 129}, "at most 123 are possible"),
        ({"name": "new\nline"}, "control character"),
        ({"name": "shop\u202e]--"}, "changes the direction of text"),
        ({"name": "n", "collation": "Klingon_CI_AS"}, "not known to the instance"),
        ({"name": "n", "collation": "Assamese_100_CI_AS"}, "for Unicode data only"),
        ({"name": "n", "owner": "nobody"}, "there is no login [nobody]"),
        ({"name": "n", "compatibility_level": 170}, "more than this instance can do"),
        ({"name": "n", "containment": "partial"}, "'contained database authentication' is off"),
        ({"name": "n", "data_size": "0MiB"}, "not more than zero"),
        ({"name": "n", "data_size": "-5MiB"}, "is not a size"),
        ({"name": "n", "data_size": "2GiB", "data_max_size": "1GiB"}, "is over data_max_size"),
        ({"name": "n", "data_size": "15TiB"}, "are needed on the volume"),
        ({"name": "n", "state": "online"}, "there is no database [n]"),
        ({"name": "n", "state": "renamed", "new_name": "m"}, "neither [n] nor [m] exists"),
    ],
)
def test_bad_input_changes_nothing_and_says_what_to_do(both: Both, options: dict, words: str) -> None:
    result, sent = both("database", **options)
    assert (result["failed"], sent) == (True, [])
    assert words in result["msg"]
    assert result["error"]["remedy"] or "control character" in words


def test_an_edition_and_a_volume_that_are_too_small_are_told_before_any_change(
    simulator: Simulator, driver: str, tmp_path: Path, name: str
) -> None:
    """sql03 is an Express edition on a volume of 2 GiB."""
    both = Both(simulator.instances["sql03"], driver, tmp_path)
    both("database", name=name)
    for new in (name, f"{name}_2"):
        for size, words in (("11GiB", "Express edition allows"), ("3GiB", "are needed on the volume")):
            refused, sent = both("database", name=new, data_size=size)
            assert words in refused["msg"], refused
            assert (refused["error"]["kind"], sent) == ("InvalidInput", [])


def test_a_name_in_another_case_is_the_same_database_where_the_instance_says_so(
    simulator: Simulator, both: Both, name: str
) -> None:
    both("database", name=name)
    same, sent = both("database", name=name.upper())
    assert (same["changed"], sent) == (False, [])
    assert f"under the name [{name}]" in same["summary"]
    strict = Both(simulator.instances["sql02"], both.driver, both.folder)
    for each in (name, name.upper()):
        other, _sent = strict("database", name=each)
        assert other["changed"], other
        assert other["database"]["data"]["path"].startswith("C:\\")


def test_a_database_in_use_is_left_alone_unless_sessions_may_be_ended(
    both: Both, session: Any, name: str
) -> None:
    both("database", name=name)
    session.execute(f"USE [{name}]")
    task = both.tasks()
    for options in ({"read_committed_snapshot": True}, {"state": "offline"}, {"state": "absent"}):
        refused = task("database", name=name, **options)
        assert refused["failed"], options
        assert "terminate_sessions: true" in refused["msg"]
        assert refused["error"]["database"] == name
        assert refused["error"]["number"] in (3702, 5030, 5070)
    result, _sent = both("database", name=name, state="absent", terminate_sessions=True)
    assert result["changed"], result


def test_offline_online_and_a_drop_that_leaves_no_file(both: Both, name: str) -> None:
    both("database", name=name)
    result, sent = both("database", name=name, state="offline")
    assert (len(sent), result["database"]["state"]) == (1, "offline")
    again, sent = both("database", name=name, state="offline")
    assert (again["changed"], sent) == (False, [])
    refused, sent = both("database", name=name, recovery_model="simple")
    assert "state: online" in refused["msg"]
    back, sent = both("database", name=name, state="online", recovery_model="simple")
    assert (len(sent), back["database"]["state"], back["database"]["recovery_model"]) == (
        2,
        "online",
        "simple",
    )
    both("database", name=name, state="offline")
    _gone, sent = both("database", name=name, state="absent")
    assert sent == [f"ALTER DATABASE [{name}] SET ONLINE", f"DROP DATABASE [{name}]"]
    fresh, _sent = both("database", name=name)
    assert fresh["changed"], "its files had stayed on the disk (5170)"


def test_a_soft_deletion_is_planned_whole_in_one_rehearsal(both: Both, name: str) -> None:
    """Restrict and rename, take offline, drop: each task of the rehearsal counts on those before it."""
    both("database", name=name)
    steps = [
        {"name": name, "state": "renamed", "new_name": f"{name}_del", "user_access": "restricted_user"},
        {"name": f"{name}_del", "state": "offline"},
        {"name": f"{name}_del", "state": "absent"},
    ]
    rehearsal, real = both.tasks(), both.tasks()
    for step in steps:
        planned = rehearsal("database", check_mode=True, terminate_sessions=True, **step)
        assert planned["changed"], planned
    for step in steps:
        done = real("database", terminate_sessions=True, **step)
        assert done["changed"], done
    assert rehearsal.planned() == real.sent()


def test_renaming_twice_is_once(both: Both, name: str) -> None:
    both("database", name=name)
    rename = {"name": name, "state": "renamed", "new_name": f"{name}_2"}
    result, sent = both("database", **rename)
    assert (len(sent), result["database"]["name"]) == (1, f"{name}_2")
    again, sent = both("database", **rename)
    assert (again["changed"], sent) == (False, [])
    both("database", name=name)
    both, sent = both("database", **rename)
    assert "exists already" in both["msg"]


@pytest.fixture(scope="module")
def with_restoring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """An instance with a database for each driver that is being restored, as on a secondary replica."""
    databases = [{"name": f"restoring_{driver}", "state": "RESTORING"} for driver in DRIVERS]
    topology = {
        "instances": [{"name": "sql01", "version": 2022, "platform": "Linux", "databases": databases}]
    }
    with running_simulator(topology, folder=tmp_path_factory.mktemp("restoring")) as running:
        yield running


def test_a_restoring_database_is_told_and_can_be_dropped(
    with_restoring: Simulator, driver: str, tmp_path: Path
) -> None:
    both, name = Both(with_restoring.instances["sql01"], driver, tmp_path), f"restoring_{driver}"
    same, sent = both("database", name=name)
    assert (same["failed"], sent) == (False, [])
    for options in ({"recovery_model": "simple"}, {"state": "online"}, {"state": "offline"}):
        refused, _sent = both("database", name=name, **options)
        assert "RESTORING" in refused["msg"], refused
        assert refused["error"]["kind"] == "DatabaseNotReady"
    _gone, sent = both("database", name=name, state="absent", terminate_sessions=True)
    assert sent == [f"DROP DATABASE [{name}]"]


def test_snapshots_keep_a_database_unless_they_may_go(both: Both, session: Any, name: str) -> None:
    both("database", name=name)
    session.execute(
        f"CREATE DATABASE [{name}_s] ON (NAME = N'{name}', FILENAME = N'/var/opt/mssql/data/{name}.ss')"
        f" AS SNAPSHOT OF [{name}]"
    )
    kept, sent = both("database", name=name, state="absent")
    assert f"[{name}_s]" in kept["msg"]
    _gone, sent = both("database", name=name, state="absent", drop_snapshots=True)
    assert sent == [f"DROP DATABASE [{name}_s]", f"DROP DATABASE [{name}]"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_link_that_breaks_in_the_creation_is_looked_after(
    simulator: Simulator, both: Both, name: str, when: str
) -> None:
    fault = {"kind": "drop", "pattern": "^CREATE DATABASE", "when": when, "times": 1}
    name = f"{name}_{when}"
    number = simulator.control.add_fault(both.instance.name, **fault)
    task = both.tasks()
    result = task("database", name=name, recovery_model="simple")
    simulator.control.remove_fault(number)
    assert result["changed"], result
    assert not result["failed"], result
    assert "The link broke" in result["summary"]
    assert result["database"]["recovery_model"] == "simple"
    creations = [text for _database, text, _hash in task.sent() if text.startswith("CREATE")]
    assert len(creations) == (2 if when == "before" else 1)


def test_a_creation_waits_for_the_one_that_holds_model(simulator: Simulator, both: Both, name: str) -> None:
    fault = {"kind": "error", "number": 1807, "pattern": "^CREATE DATABASE", "times": 2}
    simulator.control.add_fault(both.instance.name, **fault)
    task = both.tasks()
    assert task("database", name=name)["changed"]
    assert len(task.sent()) == 3


def test_somebody_who_creates_the_same_database_meanwhile_is_no_failure(
    simulator: Simulator, both: Both, session: Any, name: str
) -> None:
    fault = {"kind": "hold", "pattern": "^CREATE DATABASE", "app_name": "sqlhosting"}
    number = simulator.control.add_fault(both.instance.name, **fault)
    task = both.tasks()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(task, "database", name=name, recovery_model="simple")
        simulator.control.wait_held(number, timeout=20)
        session.execute(f"CREATE DATABASE [{name}]")
        simulator.control.remove_fault(number)
        result = running.result(20)
    assert (result["failed"], result["database"]["recovery_model"]) == (False, "simple"), result


def test_a_login_without_rights_is_told_which_one_is_missing(both: Both, session: Any, name: str) -> None:
    login, password = f"weak_{name}", "Weak-Rights-1!"
    session.execute(f"CREATE LOGIN [{login}] WITH PASSWORD = N'{password}', CHECK_POLICY = OFF")
    both("database", name=name)
    weak = both.tasks(login_user=login, login_password=password)
    for options in ({"name": f"{name}_new"}, {"name": name, "recovery_model": "simple"}):
        refused = weak("database", **options)
        assert refused["failed"], refused
        assert refused["error"]["kind"] in ("PermissionDenied", "ObjectMissing", "StatementFailed"), refused
        assert refused["error"]["remedy"]
    hidden = weak("database", name=name, data_size="1GiB")
    assert "not visible" in hidden["msg"]
