"""For each pair of options: what was asked for is there afterwards, and a second run changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.simulators import DRIVERS, Instance, connect
from tests.support.tasks import Tasks

PASSWORD, OTHER_PASSWORD = "Correct-Horse-7", "Battery'Staple]8"
HERE, THERE = "pairs_here", "pairs_there"
LOGIN_PART = 3  # one of so many pairs for each of the three beginnings: each pair once
DATABASE_PART = 5  # the options of a database hardly meet, and each run makes one
Wish = dict[str, Any]

LOGIN_WISHES: list[Wish] = [
    {"check_policy": True},
    {"check_policy": False},
    {"check_expiration": True},
    {"check_expiration": False},
    {"password": OTHER_PASSWORD},
    {"password": OTHER_PASSWORD, "must_change": True, "update_password": "on_create"},
    {"unlock": True},
    {"enabled": True},
    {"enabled": False},
    {"default_database": HERE},
    {"server_roles": ["dbcreator"]},
    {"server_roles": [], "exclusive": True},
    {"databases": [{"name": HERE, "roles": ["db_datareader"], "permissions": ["EXECUTE"]}]},
    {"databases": [{"name": HERE, "denied_permissions": ["EXECUTE"], "default_schema": "guest"}]},
    {"databases": [{"name": HERE, "roles": [], "denied_permissions": []}], "exclusive": True},
    {"databases": [{"name": HERE, "state": "absent"}]},
]
LOGIN_BEGINNINGS = {
    "no policy": ["CREATE LOGIN [{0}] WITH PASSWORD = N'{1}', CHECK_POLICY = OFF"],
    "must change": [
        "CREATE LOGIN [{0}] WITH PASSWORD = N'{1}' MUST_CHANGE, CHECK_EXPIRATION = ON, CHECK_POLICY = ON",
        "ALTER SERVER ROLE [diskadmin] ADD MEMBER [{0}]",
        "ALTER LOGIN [{0}] DISABLE",
    ],
    "with a user": [
        "CREATE LOGIN [{0}] WITH PASSWORD = N'{1}', CHECK_EXPIRATION = ON",
        "USE [pairs_here]",
        "CREATE USER [{0}] FOR LOGIN [{0}]",
        "ALTER ROLE [db_datawriter] ADD MEMBER [{0}]",
        "DENY CREATE TABLE TO [{0}]",
        "USE [master]",
    ],
}
DATABASE_WISHES: list[Wish] = [
    {"collation": "Latin1_General_CS_AS"},
    {"recovery_model": "simple"},
    {"recovery_model": "full"},
    {"containment": "none"},
    {"owner": "pairs_owner"},
    {"compatibility_level": 140},
    {"read_committed_snapshot": True},
    {"read_committed_snapshot": False},
    {"user_access": "restricted_user"},
    {"user_access": "multi_user"},
    {"data_size": "32MiB"},
    {"data_max_size": "64MiB"},
    {"data_growth": "8MiB"},
    {"log_size": "32MiB"},
    {"log_max_size": "64MiB"},
    {"log_growth": "8MiB"},
    {"terminate_sessions": True},
]
DATABASE_BEGINNINGS = {
    "absent": [],
    "shaped": [
        "CREATE DATABASE [{0}] COLLATE French_CI_AS",
        "ALTER DATABASE [{0}] SET RECOVERY BULK_LOGGED",
        "ALTER DATABASE [{0}] SET READ_COMMITTED_SNAPSHOT ON WITH NO_WAIT",
        "ALTER DATABASE [{0}] SET RESTRICTED_USER WITH ROLLBACK IMMEDIATE",
    ],
}


def pairs_of(wishes: list[Wish], *, is_matrix: bool, beginning: int, part: int) -> list[Wish]:
    """Each two wishes in one; not those that ask for two values of one option.

    Without ``is_matrix`` each wish alone and one of ``part`` pairs, others for each ``beginning``, a number.
    """
    found = []
    for number, (one, other) in enumerate(itertools.combinations_with_replacement(wishes, 2)):
        if not is_matrix and one is not other and number % part != beginning:
            continue
        if all(one[option] == other[option] for option in one.keys() & other.keys()):
            found.append({**one, **other})
    return found


@pytest.fixture
def task(instance: Instance, driver: str, tmp_path: Path) -> Tasks:
    """Runs modules against the instance."""
    return Tasks(instance, driver, tmp_path)


@pytest.fixture
def session(instance: Instance, driver: str) -> Iterator[Any]:
    """A connection of the administrator; the databases and the owner that wishes name are there."""
    connection = connect(instance, driver=driver)
    for name in (HERE, THERE):
        connection.execute(f"IF DB_ID(N'{name}') IS NULL CREATE DATABASE [{name}]")
    connection.execute(
        f"IF SUSER_ID(N'pairs_owner') IS NULL CREATE LOGIN [pairs_owner] WITH PASSWORD = N'{PASSWORD}'"
    )
    yield connection
    connection.close()


def not_kept(wish: Wish, login: dict[str, Any]) -> list[str]:
    """The options of a login whose values read back are not those asked for."""
    found = []
    for option in ("check_policy", "check_expiration", "enabled", "default_database"):
        if option in wish and login[option] != wish[option]:
            found.append(option)
    if not {*wish.get("server_roles", [])} <= {*login["server_roles"]}:
        found.append("server_roles")
    if wish.get("unlock") and login["is_locked"]:
        found.append("unlock")
    for entry, user in zip(wish.get("databases", []), login.get("databases", []), strict=True):
        wanted = entry.get("state") != "absent"
        kept = (user["user"] is not None) is wanted and {*entry.get("roles", [])} <= {*user["roles"]}
        denied = {*entry.get("denied_permissions", [])} <= {*user["denied_permissions"]}
        if not (kept and denied and {*entry.get("permissions", [])} <= {*user["permissions"]}):
            found.append("databases")
    return found


# Each driver takes a part: what is decided does not depend on it, and all pairs take long.
@pytest.mark.parametrize(
    ("beginning", "driver"), [*zip(LOGIN_BEGINNINGS, itertools.cycle(sorted(DRIVERS)), strict=False)]
)
def test_each_pair_of_a_logins_options_is_kept_and_a_second_run_changes_nothing(
    task: Tasks, driver: str, session: Any, beginning: str, is_matrix: bool
) -> None:
    refused = []
    place = [*LOGIN_BEGINNINGS].index(beginning)
    pairs = pairs_of(LOGIN_WISHES, is_matrix=is_matrix, beginning=place, part=LOGIN_PART)
    for number, wish in enumerate(pairs):
        name = f"pair_{beginning.replace(' ', '_')}_{driver}_{number}"
        for statement in LOGIN_BEGINNINGS[beginning]:
            session.execute(statement.format(name, PASSWORD))
        # What was not asked about stays as it was.
        before = task("login", name=name)["login"]
        result = task("login", name=name, **wish)
        if result["failed"]:
            assert (result["error"]["kind"], result["changed"]) == ("InvalidInput", False), (wish, result)
            refused.append(wish)
            continue
        assert not_kept(wish, result["login"]) == [], (wish, result["login"])
        if "check_expiration" not in wish and wish.get("check_policy") is not False:
            assert result["login"]["check_expiration"] == before["check_expiration"], wish
        again = task("login", name=name, **wish)
        assert (again["failed"], again["changed"]) == (False, False), (wish, again["summary"])
    assert len(refused) < number / 2


@pytest.mark.parametrize(
    ("beginning", "driver"), [*zip(DATABASE_BEGINNINGS, itertools.cycle(sorted(DRIVERS)), strict=False)]
)
def test_each_pair_of_a_databases_options_is_kept_and_a_second_run_changes_nothing(
    task: Tasks, driver: str, session: Any, beginning: str, is_matrix: bool
) -> None:
    place = [*DATABASE_BEGINNINGS].index(beginning)
    for wish in pairs_of(DATABASE_WISHES, is_matrix=is_matrix, beginning=place, part=DATABASE_PART):
        name = f"pair_{beginning}_{driver}"
        for statement in DATABASE_BEGINNINGS[beginning]:
            session.execute(statement.format(name))
        result = task("database", name=name, **wish)
        if result["failed"]:
            assert (result["error"]["kind"], result["changed"]) == ("InvalidInput", False), (wish, result)
        else:
            database = result["database"]
            for option, value in wish.items():
                if option in database:
                    assert database[option] == value, (wish, database)
            for kind in ("data", "log"):
                for part, key in (("size", "size_mib"), ("max_size", "max_size_mib")):
                    if f"{kind}_{part}" in wish:
                        assert f"{database[kind][key]}MiB" == wish[f"{kind}_{part}"], (wish, database)
            again = task("database", name=name, **wish)
            assert (again["failed"], again["changed"]) == (False, False), (wish, again["summary"])
        task("database", name=name, state="absent", terminate_sessions=True)


def test_a_setting_that_the_server_did_not_keep_is_told(
    instance: Instance, driver: str, session: Any, tmp_path: Path
) -> None:
    name = f"pair_lost_{driver}"
    session.execute(f"CREATE LOGIN [{name}] WITH PASSWORD = N'{PASSWORD}'")
    task = Tasks(instance, driver, tmp_path)
    # A template of an operator's own that does less than it says.
    folder = tmp_path / "templates" / "login"
    folder.mkdir(parents=True)
    (folder / "disable.sql.j2").write_text("{# Nothing. #}\nALTER LOGIN {{ name|ident }} ENABLE\n")
    result = task("login", name=name, enabled=False, templates_folder=tmp_path / "templates")
    assert (result["failed"], result["changed"]) == (True, True), result
    assert "still to do" in result["msg"]
    assert result["error"]["kind"] == "NotAsAsked"
