"""mssql_login against the simulator, through both drivers: what an operator asks, sends and sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyodbc
import pytest

from tests.support.simulators import Instance, Simulator, connect, lock_out
from tests.support.tasks import Both

PASSWORD, OTHER_PASSWORD = "Correct-Horse-7", "Battery'Staple]8"
SID = "6f9619ff-8b86-d011-b42d-00c04fc964{:02x}"


@pytest.fixture
def both(instance: Instance, driver: str, tmp_path: Path) -> Both:
    """Runs a task in check mode and then for real."""
    return Both(instance, driver, tmp_path)


@pytest.fixture
def name(driver: str, request: pytest.FixtureRequest) -> str:
    """A login's name of this test's own."""
    return f"l_{request.node.originalname[5:][:60]}_{driver}"


@pytest.fixture
def database(instance: Instance, driver: str, name: str) -> str:
    """A database of this test's own."""
    connection = connect(instance, driver=driver)
    connection.execute(f"CREATE DATABASE [d_{name}]")
    connection.close()
    return f"d_{name}"


@pytest.fixture
def session(instance: Instance, driver: str) -> Iterator[Any]:
    """A connection of the administrator."""
    connection = connect(instance, driver=driver)
    yield connection
    connection.close()


def can_connect(instance: Instance, name: str, password: str, database: str = "master") -> bool:
    try:
        connect(instance, user=name, password=password, database=database).close()
    except pyodbc.Error:
        return False
    return True


def test_create_again_modify_again_absent_again(both: Both, name: str, database: str) -> None:
    sid = SID.format(1 if both.driver == "freetds" else 2)
    create = {
        "name": name,
        "password": PASSWORD,
        "sid": sid,
        "default_database": database,
        "server_roles": ["dbcreator"],
        "databases": [
            {
                "name": database,
                "roles": ["db_datareader", "db_datawriter"],
                "permissions": ["execute", "CREATE TABLE"],
            }
        ],
    }
    result, sent = both("login", **create)
    assert result["changed"], result
    assert len(sent) == 7
    assert PASSWORD not in str(result)
    assert result["login"]["server_roles"] == ["dbcreator"]
    assert result["login"]["databases"] == [
        {
            "name": database,
            "user": name,
            "roles": ["db_datareader", "db_datawriter"],
            "permissions": ["CREATE TABLE", "EXECUTE"],
            "denied_permissions": [],
            "default_schema": "dbo",
        }
    ]
    assert can_connect(both.instance, name, PASSWORD, database)
    again, sent = both("login", **create)
    assert (again["changed"], sent) == (False, []), again
    assert again["statements"]["read"] == 3
    assert again["login"] == result["login"]

    modify = {
        "name": name,
        "password": OTHER_PASSWORD,
        "check_expiration": True,
        "default_database": "master",
        "enabled": False,
        "server_roles": [],
        "exclusive": True,
        "databases": [{"name": database, "roles": ["db_datareader"], "permissions": ["EXECUTE"]}],
    }
    modified, sent = both("login", **modify)
    assert len(sent) == 7, sent
    assert modified["diff"]["before"]["enabled"] is True
    assert modified["diff"]["after"]["enabled"] is False
    again, sent = both("login", **modify)
    assert (again["changed"], sent) == (False, [])
    assert not can_connect(both.instance, name, OTHER_PASSWORD)

    gone, sent = both("login", name=name, state="absent")
    assert sent == [f"DROP USER [{name}]", f"DROP LOGIN [{name}]"]
    assert gone["login"] is None
    again, sent = both("login", name=name, state="absent")
    assert (again["changed"], again["statements"]["read"]) == (False, 1)


@pytest.mark.parametrize("unusual", ["a]b", "it's", "x;--", "Grüße", "店", "with blank", "what?", "n" * 127])
def test_unusual_names_make_exactly_that_login(both: Both, session: Any, unusual: str) -> None:
    name = f"{unusual}{both.driver[0]}"
    result, _sent = both("login", name=name, password=PASSWORD)
    assert result["changed"], result
    found = session.execute("SELECT COUNT(*) FROM sys.server_principals WHERE name = ?", name).fetchval()
    assert (found, result["login"]["name"]) == (1, name)
    again, sent = both("login", name=name, password=PASSWORD)
    assert (again["changed"], sent) == (False, [])


@pytest.mark.parametrize(
    "password",
    ["Quote'and]8", 'Semi;{Brace}"1', "Back\\slash%9", "Ümläut-Passwört-1", "$(sqlcmd)-A1", "?-mark-Aa1?"],
)
def test_every_password_works_and_is_recognised(both: Both, name: str, password: str) -> None:
    task = both.tasks()
    result = task("login", name=name, password=password)
    assert result["changed"], result
    assert can_connect(both.instance, name, password)
    assert task("login", name=name, password=password)["changed"] is False
    assert password not in task.journal.read_text(encoding="utf-8")
    assert task("login", name=name, state="absent")["changed"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "DOMAIN\\user", "password": PASSWORD}, "holds no backslash"),
        ({"name": "x" * 129, "password": PASSWORD}, "at most 128 are possible"),
        ({"name": "n"}, "needs a password"),
        ({"name": "n", "password": "short-1A"[:7]}, "fewer than 8 characters"),
        ({"name": "n", "password": "onlyletters"}, "fewer than 3 of"),
        ({"name": "n", "password": PASSWORD, "sid": "0x12"}, "is not a SID"),
        ({"name": "n", "password": PASSWORD, "server_roles": ["no_such"]}, "has no server role [no_such]"),
        (
            {"name": "n", "password": PASSWORD, "databases": [{"name": "no_such"}]},
            "there is no database [no_such]",
        ),
        ({"name": "n", "password": PASSWORD, "databases": [{"name": "d"}, {"name": "d"}]}, "listed twice"),
        (
            {"name": "n", "password": PASSWORD, "default_database": "no_such"},
            "there is no database [no_such]",
        ),
        ({"name": "n", "password": PASSWORD, "terminate_sessions": True}, "goes with enabled: false"),
        ({"name": "sa", "state": "absent"}, "belongs to SQL Server itself"),
        ({"name": "sa", "enabled": False}, "this session uses it"),
        ({"name": "n", "state": "absent", "password": PASSWORD}, "means nothing with state: absent"),
    ],
)
def test_bad_input_changes_nothing_and_says_what_to_do(both: Both, options: dict, words: str) -> None:
    result, sent = both("login", **options)
    assert (result["failed"], sent) == (True, [])
    assert words in result["msg"], result
    assert options.get("password") is None or options["password"] not in str(result)


def test_what_an_older_version_lacks_is_told_before_any_change(
    simulator: Simulator, driver: str, tmp_path: Path, name: str
) -> None:
    both = Both(simulator.instances["sql02"], driver, tmp_path)
    for options, words in (
        ({"server_roles": ["##MS_ServerStateReader##"]}, "has no server role"),
        (
            {"databases": [{"name": "msdb", "permissions": ["VIEW SECURITY DEFINITION"]}]},
            "knows no permission",
        ),
    ):
        refused, sent = both("login", name=name, password=PASSWORD, **options)
        assert (words in refused["msg"], sent) == (True, []), refused


def test_a_name_in_another_case_is_the_same_login_if_the_instance_says_so(
    simulator: Simulator, both: Both, name: str
) -> None:
    both("login", name=name, password=PASSWORD)
    same, sent = both("login", name=name.upper(), password=PASSWORD)
    assert (same["changed"], sent) == (False, [])
    assert f"under the name [{name}]" in same["summary"]
    strict = Both(simulator.instances["sql02"], both.driver, both.folder)
    for each in (name, name.upper()):
        other, _sent = strict("login", name=each, password=PASSWORD)
        assert other["changed"], other


def test_a_sid_of_another_login_and_another_sid_of_the_login_are_errors(both: Both, name: str) -> None:
    mine, other = (SID.format(16 + each + (both.driver == "freetds")) for each in (0, 2))
    both("login", name=name, password=PASSWORD, sid=mine)
    taken, sent = both("login", name=f"{name}2", password=PASSWORD, sid=mine)
    assert f"login [{name}] has the SID" in taken["msg"], taken
    changed, sent = both("login", name=name, sid=other)
    assert "cannot be changed" in changed["msg"]
    assert sent == []


def test_the_password_policy_is_switched_both_ways(both: Both, name: str) -> None:
    both("login", name=name, password=PASSWORD)
    steps = [
        ({"check_expiration": True}, 1),
        ({"check_policy": False}, 1),
        ({"check_policy": True, "check_expiration": True}, 1),
        ({"check_policy": True, "check_expiration": True, "must_change": True, "password": PASSWORD}, 1),
        ({"check_policy": False, "password": OTHER_PASSWORD}, 2),
        ({"check_policy": False, "password": "weak"}, 1),
        ({"check_policy": True}, 1),
    ]
    for options, count in steps:
        result, sent = both("login", name=name, **options)
        assert (result["failed"], len(sent)) == (False, count), (options, result)
        again, sent = both("login", name=name, **options)
        assert (again["changed"], sent) == (False, []), (options, again)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 2),
        ({"check_policy": False}, 1),
        ({"password": PASSWORD}, 1),
        ({"password": OTHER_PASSWORD, "check_expiration": True}, 2),
    ],
)
def test_a_locked_login_is_unlocked_on_request(
    simulator: Simulator, both: Both, name: str, options: dict[str, Any], count: int
) -> None:
    both = Both(simulator.instances["sql02"], both.driver, both.folder)  # Windows
    name = f"{name}_{'_'.join(options)}"
    both("login", name=name, password=PASSWORD)
    lock_out(both.instance, name)
    left, sent = both("login", name=name, enabled=True)
    assert (left["login"]["is_locked"], sent) == (True, [])
    assert "unlock it (unlock: true)" in left["summary"]
    unlocked, sent = both("login", name=name, unlock=True, **options)
    assert (unlocked["failed"], len(sent)) == (False, count), (unlocked, sent)
    assert unlocked["login"]["is_locked"] is False
    assert can_connect(both.instance, name, options.get("password", PASSWORD))
    again, sent = both("login", name=name, unlock=True, **options)
    assert (again["changed"], sent) == (False, []), again


def test_a_disabled_login_loses_its_sessions_on_request(both: Both, name: str) -> None:
    both("login", name=name, password=PASSWORD)
    theirs = connect(both.instance, driver=both.driver, user=name, password=PASSWORD)
    both("login", name=name, enabled=False)
    assert theirs.execute("SELECT 1").fetchval() == 1
    cut, sent = both("login", name=name, enabled=False, terminate_sessions=True)
    assert (cut["failed"], len(sent)) == (False, 1), cut
    with pytest.raises(pyodbc.Error):
        theirs.execute("SELECT 1")
    again, sent = both("login", name=name, enabled=False, terminate_sessions=True)
    assert (again["changed"], sent) == (False, [])


def test_a_login_with_open_sessions_is_dropped_only_on_request(both: Both, name: str, database: str) -> None:
    access = [{"name": database}]
    both("login", name=name, password=PASSWORD, databases=access)
    theirs = connect(both.instance, driver=both.driver, user=name, password=PASSWORD, database=database)
    kept, sent = both("login", name=name, state="absent")
    assert "terminate_sessions: true" in kept["msg"]
    assert sent == []
    gone, sent = both("login", name=name, state="absent", terminate_sessions=True)
    assert (gone["failed"], len(sent)) == (False, 4), gone
    theirs.close()


def test_an_orphan_gets_its_login_back(both: Both, name: str, database: str, session: Any) -> None:
    access = [{"name": database, "roles": ["db_datareader"]}]
    both("login", name=name, password=PASSWORD, databases=access)
    session.execute(f"DROP LOGIN [{name}]")
    _result, sent = both("login", name=name, password=PASSWORD, databases=access)
    assert sent[1:] == [f"ALTER USER [{name}] WITH LOGIN = [{name}]"]
    assert can_connect(both.instance, name, PASSWORD, database)


def test_an_owner_of_databases_is_not_dropped(both: Both, name: str, database: str) -> None:
    both("login", name=name, password=PASSWORD, enabled=False)
    both("database", name=database, owner=name)
    kept, sent = both("login", name=name, state="absent")
    assert (f"owns [{database}]" in kept["msg"], sent) == (True, [])
    dbo, _sent = both("login", name=name, databases=[{"name": database}])
    assert "it enters as dbo" in dbo["msg"]


def test_databases_that_cannot_be_reached_are_reported(
    both: Both, name: str, database: str, session: Any
) -> None:
    both("login", name=name, password=PASSWORD)
    session.execute(f"ALTER DATABASE [{database}] SET OFFLINE WITH ROLLBACK IMMEDIATE")
    refused, _sent = both("login", name=name, databases=[{"name": database}])
    assert "is offline" in refused["msg"]
    gone, _sent = both("login", name=name, state="absent")
    assert gone["changed"], gone
    assert {"name": database, "problem": "offline"} in gone["unreachable_databases"]
    assert f"[{database}] (offline)" in gone["summary"]


TRIGGER, NOTIFICATION = "ALTER ANY DATABASE DDL TRIGGER", "ALTER ANY DATABASE EVENT NOTIFICATION"


def test_a_permission_is_denied_granted_instead_and_denied_again_in_one_run_each(
    both: Both, name: str, database: str
) -> None:
    def ask(**entry: Any) -> tuple[dict[str, Any], list[str]]:
        wish = {"name": database, "roles": ["db_ddladmin"], **entry}
        result, sent = both("login", name=name, password=PASSWORD, exclusive=True, databases=[wish])
        again, nothing = both("login", name=name, password=PASSWORD, exclusive=True, databases=[wish])
        assert (again["changed"], nothing) == (False, []), again
        assert again["login"] == result["login"]
        return result, sent

    result, sent = ask(denied_permissions=[TRIGGER, NOTIFICATION])
    assert sent[1:] == [
        f"CREATE USER [{name}] FOR LOGIN [{name}]",
        f"DENY {TRIGGER} TO [{name}]",
        f"DENY {NOTIFICATION} TO [{name}]",
        f"ALTER ROLE [db_ddladmin] ADD MEMBER [{name}]",
    ]
    _result, sent = ask(permissions=[TRIGGER], denied_permissions=[NOTIFICATION])
    assert sent == [f"GRANT {TRIGGER} TO [{name}]"]
    result, sent = ask(denied_permissions=[TRIGGER])
    assert sent == [f"DENY {TRIGGER} TO [{name}]", f"REVOKE {NOTIFICATION} FROM [{name}]"]
    before, after = (result["diff"][when]["databases"][0] for when in ("before", "after"))
    assert (before["permissions"], before["denied_permissions"]) == ([TRIGGER], [NOTIFICATION])
    assert (after["permissions"], after["denied_permissions"]) == ([], [TRIGGER])
    _result, sent = ask()
    assert sent == []
    _result, sent = ask(denied_permissions=[])
    assert sent == [f"REVOKE {TRIGGER} FROM [{name}]"]


def test_tasks_that_grant_and_deny_in_turn_are_rehearsed_as_they_run(
    both: Both, name: str, database: str
) -> None:
    first = {
        "name": name,
        "password": PASSWORD,
        "databases": [{"name": database, "permissions": ["EXECUTE"]}],
    }
    both("login", **first)
    rehearsal, real = both.tasks(), both.tasks()
    for task in (rehearsal, real):
        for option in ("denied_permissions", "permissions"):
            wish = {"name": database, option: ["EXECUTE"]}
            task("login", check_mode=task is rehearsal, name=name, databases=[wish])
    assert rehearsal.planned() == real.sent()


def test_a_booking_is_planned_whole_in_one_rehearsal(both: Both, name: str) -> None:
    """An owner that is disabled, its database, the customer's login: on an instance that has none of them."""
    tasks = [
        (
            "login",
            {"name": f"{name}_owner", "password": PASSWORD, "update_password": "on_create", "enabled": False},
        ),
        (
            "database",
            {"name": f"b_{name}", "owner": f"{name}_owner", "data_size": "64MiB", "recovery_model": "full"},
        ),
        (
            "login",
            {
                "name": name,
                "password": OTHER_PASSWORD,
                "sid": SID.format(32 + (both.driver == "freetds")),
                "default_database": f"b_{name}",
                "enabled": True,
                "exclusive": True,
                "databases": [{"name": f"b_{name}", "roles": ["db_datareader"], "permissions": ["EXECUTE"]}],
            },
        ),
        ("login", {"name": name, "databases": [{"name": f"b_{name}", "roles": ["db_datawriter"]}]}),
    ]
    rehearsal, real = both.tasks(), both.tasks()
    for module, options in tasks:
        planned = rehearsal(module, check_mode=True, **options)
        assert planned["changed"], planned
    for module, options in tasks:
        done = real(module, **options)
        assert done["changed"], done
    assert rehearsal.planned() == real.sent()
    # The customer is deleted again: the plan counts on the dropped database, which the owner owned.
    removal = [
        ("login", {"name": name, "enabled": False, "terminate_sessions": True}),
        ("database", {"name": f"b_{name}", "state": "absent", "terminate_sessions": True}),
        ("login", {"name": name, "state": "absent", "terminate_sessions": True}),
        ("login", {"name": f"{name}_owner", "state": "absent", "terminate_sessions": True}),
    ]
    rehearsal, real = both.tasks(), both.tasks()
    for module, options in removal:
        assert rehearsal(module, check_mode=True, **options)["changed"]
    for module, options in removal:
        assert real(module, **options)["changed"]
    assert rehearsal.planned() == real.sent()


def test_a_password_that_may_not_be_compared_is_set_again_with_a_warning(
    simulator: Simulator, driver: str, tmp_path: Path, name: str
) -> None:
    both = Both(simulator.instances["sql02"], driver, tmp_path)
    session = connect(both.instance, driver=driver)
    session.execute(f"CREATE LOGIN [{name}_admin] WITH PASSWORD = N'{PASSWORD}', CHECK_POLICY = OFF")
    session.execute(f"GRANT ALTER ANY LOGIN TO [{name}_admin]")
    weak = both.tasks(login_user=f"{name}_admin", login_password=PASSWORD)
    for _run in range(2):
        result = weak("login", name=name, password=OTHER_PASSWORD)
        assert result["changed"], result
    assert "CONTROL SERVER" in result["summary"]
    kept = weak("login", name=name, password=OTHER_PASSWORD, update_password="on_create")
    assert kept["changed"] is False
    session.close()


def test_a_login_without_rights_is_told_which_one_is_missing(both: Both, session: Any, name: str) -> None:
    session.execute(f"CREATE LOGIN [{name}_weak] WITH PASSWORD = N'{PASSWORD}', CHECK_POLICY = OFF")
    weak = both.tasks(login_user=f"{name}_weak", login_password=PASSWORD)
    for options in ({"password": OTHER_PASSWORD}, {"state": "absent"}):
        refused = weak("login", name=name, **options)
        assert refused["failed"], refused
        assert "ALTER ANY LOGIN" in refused["msg"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_link_that_breaks_in_the_creation_is_looked_after(
    simulator: Simulator, both: Both, name: str, when: str
) -> None:
    fault = {"kind": "drop", "pattern": "^CREATE LOGIN", "when": when, "times": 1}
    name = f"{name}_{when}"
    simulator.control.add_fault(both.instance.name, **fault)
    task = both.tasks()
    result = task("login", name=name, password=PASSWORD, enabled=False)
    assert (result["failed"], result["changed"]) == (False, True), result
    assert result["login"]["enabled"] is False
    assert can_connect(both.instance, name, PASSWORD) is False


def test_schemas_and_roles_of_a_removed_login_are_handed_to_dbo_as_planned(
    both: Both, name: str, database: str, session: Any
) -> None:
    both("login", name=name, password=PASSWORD, databases=[{"name": database}])
    session.execute(f"USE [{database}]")
    session.execute(f"CREATE SCHEMA [s]]{name}] AUTHORIZATION [{name}]")
    session.execute(f"CREATE ROLE [r_{name}] AUTHORIZATION [{name}]")
    session.execute("USE [master]")
    gone, sent = both("login", name=name, state="absent")
    assert gone["changed"], gone
    assert sent == [
        f"ALTER AUTHORIZATION ON SCHEMA::[s]]{name}] TO [dbo]",
        f"ALTER AUTHORIZATION ON ROLE::[r_{name}] TO [dbo]",
        f"DROP USER [{name}]",
        f"DROP LOGIN [{name}]",
    ]


OWNED = {
    "CERTIFICATE": "CREATE CERTIFICATE [{0}] AUTHORIZATION [{1}] ENCRYPTION BY PASSWORD = 'Secret-1'"
    " WITH SUBJECT = 's'",
    "ASYMMETRIC KEY": "CREATE ASYMMETRIC KEY [{0}] AUTHORIZATION [{1}] WITH ALGORITHM = RSA_2048"
    " ENCRYPTION BY PASSWORD = 'Secret-1'",
    "SYMMETRIC KEY": "CREATE SYMMETRIC KEY [{0}] AUTHORIZATION [{1}] WITH ALGORITHM = AES_256"
    " ENCRYPTION BY PASSWORD = 'Secret-1'",
    "CONTRACT": "CREATE CONTRACT [{0}] AUTHORIZATION [{1}] (m SENT BY ANY)",
    "MESSAGE TYPE": "CREATE MESSAGE TYPE [{0}] AUTHORIZATION [{1}] VALIDATION = NONE",
    "ROUTE": "CREATE ROUTE [{0}] AUTHORIZATION [{1}] WITH ADDRESS = 'LOCAL'",
    "FULLTEXT CATALOG": "CREATE FULLTEXT CATALOG [{0}] AUTHORIZATION [{1}]",
}


def test_whatever_else_a_removed_login_owns_is_handed_to_dbo_as_planned(
    both: Both, name: str, database: str, session: Any
) -> None:
    both("login", name=name, password=PASSWORD, databases=[{"name": database}])
    session.execute(f"USE [{database}]")
    for kind, statement in OWNED.items():
        session.execute(statement.format(f"{kind} of {name}", name))
    with pytest.raises(pyodbc.Error, match="15138"):
        session.execute(f"DROP USER [{name}]")
    session.execute("USE [master]")
    gone, sent = both("login", name=name, state="absent")
    assert gone["changed"], gone
    assert sent[:-2] == [f"ALTER AUTHORIZATION ON {kind}::[{kind} of {name}] TO [dbo]" for kind in OWNED]
    assert sent[-2:] == [f"DROP USER [{name}]", f"DROP LOGIN [{name}]"]


def test_an_owner_of_jobs_is_refused_before_anything_is_changed(
    both: Both, name: str, database: str, session: Any
) -> None:
    both("login", name=name, password=PASSWORD, databases=[{"name": database}])
    job = f"EXEC msdb.dbo.sp_add_job @job_name = N'nightly {name}', @owner_login_name = N'{name}'"
    session.execute(job)
    with pytest.raises(pyodbc.Error, match="15170"):
        session.execute(f"DROP LOGIN [{name}]")
    refused, sent = both("login", name=name, state="absent", terminate_sessions=True)
    assert (refused["failed"], refused["changed"], sent) == (True, False, [])
    assert f"jobs of SQL Server Agent: nightly {name}" in refused["msg"]


def test_a_login_that_is_taken_out_of_a_database_leaves_its_schema_to_dbo(
    both: Both, name: str, database: str, session: Any
) -> None:
    both("login", name=name, password=PASSWORD, databases=[{"name": database}])
    session.execute(f"USE [{database}]")
    session.execute(f"CREATE SCHEMA [s] AUTHORIZATION [{name}]")
    session.execute("USE [master]")
    result, sent = both("login", name=name, databases=[{"name": database, "state": "absent"}])
    assert result["changed"], result
    assert sent == ["ALTER AUTHORIZATION ON SCHEMA::[s] TO [dbo]", f"DROP USER [{name}]"]


def test_an_owner_of_server_roles_is_refused_before_anything_is_changed(
    both: Both, name: str, database: str, session: Any
) -> None:
    both("login", name=name, password=PASSWORD, databases=[{"name": database}])
    session.execute(f"CREATE SERVER ROLE [sr_{name}] AUTHORIZATION [{name}]")
    refused, sent = both("login", name=name, state="absent", terminate_sessions=True)
    assert (refused["failed"], refused["changed"], sent) == (True, False, [])
    assert f"server role [sr_{name}]" in refused["msg"]


def test_who_granted_permissions_to_others_is_refused_before_anything_is_changed(
    both: Both, name: str, database: str, session: Any
) -> None:
    both("login", name=name, password=PASSWORD, databases=[{"name": database}])
    both("login", name=f"{name}_2", password=PASSWORD)
    session.execute(f"GRANT VIEW SERVER STATE TO [{name}] WITH GRANT OPTION")
    theirs = connect(both.instance, driver=both.driver, user=name, password=PASSWORD)
    theirs.execute(f"GRANT VIEW SERVER STATE TO [{name}_2]")
    refused, sent = both("login", name=name, state="absent", terminate_sessions=True)
    assert (refused["failed"], refused["changed"], sent) == (True, False, [])
    assert "permission given [VIEW SERVER STATE]" in refused["msg"]
    assert "revoke what it gave" in refused["error"]["remedy"]
    both("login", name=name, enabled=False, terminate_sessions=True)
    with pytest.raises(pyodbc.Error, match="15173"):
        session.execute(f"DROP LOGIN [{name}]")
    session.execute(f"REVOKE VIEW SERVER STATE FROM [{name}] CASCADE")
    gone, sent = both("login", name=name, state="absent", terminate_sessions=True)
    assert sent[-1] == f"DROP LOGIN [{name}]", gone
