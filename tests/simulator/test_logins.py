# ruff: noqa: E501 - one statement per line reads best
"""Logins: creating, changing, dropping, logging in."""

from __future__ import annotations

import pyodbc
import pytest

from tests.simulator.asking import NUMBER, fresh, refusal, rows, run, value
from tests.support.simulators import Instance, Simulator, connect

SECRET = "Str0ng-Secret!"
SID = "0x0102030405060708090A0B0C0D0E0F10"


def test_a_login_has_what_it_was_created_with(connection: pyodbc.Connection) -> None:
    name = fresh("login")
    run(
        connection,
        f"""CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}', SID = {SID}, DEFAULT_DATABASE = [tempdb],
            CHECK_POLICY = ON, CHECK_EXPIRATION = OFF""",
    )
    query = """SELECT type, is_disabled, default_database_name, is_policy_checked, is_expiration_checked,
        CONVERT(varchar(40), sid, 1), PWDCOMPARE(N'Str0ng-Secret!', password_hash), PWDCOMPARE(N'no', password_hash)
        FROM sys.sql_logins WHERE name = ?"""
    assert rows(connection, query, name) == [("S", False, "tempdb", True, False, SID, 1, 0)]
    same_sid = f"CREATE LOGIN [{name}2] WITH PASSWORD = N'{SECRET}', SID = {SID}"
    assert refusal(connection, same_sid) == 15433
    run(connection, f"DROP LOGIN [{name}]", same_sid, f"DROP LOGIN [{name}2]")


REFUSED = [
    ("CREATE LOGIN sa WITH PASSWORD = N'Str0ng-Secret!'", 15025),
    ("CREATE LOGIN SA WITH PASSWORD = N'Str0ng-Secret!'", 15025),
    ("CREATE LOGIN sysadmin WITH PASSWORD = N'Str0ng-Secret!'", 15025),
    ("CREATE LOGIN x WITH PASSWORD = N'short'", 15116),
    ("CREATE LOGIN x WITH PASSWORD = N'lowercase-only'", 15118),
    ("CREATE LOGIN somebody WITH PASSWORD = N'Somebody-2024'", 15118),
    ("CREATE LOGIN [a\\b] WITH PASSWORD = N'Str0ng-Secret!'", 15006),
    ("CREATE LOGIN [a\\b] FROM WINDOWS", 15401),
    ("CREATE LOGIN ab FROM WINDOWS", 15407),
    ("CREATE LOGIN x WITH PASSWORD = N'Str0ng-Secret!', DEFAULT_DATABASE = nowhere", 15010),
    ("CREATE LOGIN x WITH PASSWORD = N'Str0ng-Secret!', SID = 0x01", 15419),
    ("CREATE LOGIN x WITH PASSWORD = N'Str0ng-Secret!', CHECK_POLICY = OFF, CHECK_EXPIRATION = ON", 15122),
    ("CREATE LOGIN x WITH PASSWORD = N'Str0ng-Secret!' MUST_CHANGE", 15099),
    ("CREATE LOGIN x WITH PASSWORD = 0x0102 HASHED", 15021),
    ("ALTER LOGIN nobody DISABLE", 15151),
    ("DROP LOGIN nobody", 15151),
    ("DROP LOGIN IF EXISTS nobody", 156),
    ("DROP LOGIN sa", 15405),
    ("ALTER LOGIN sa WITH NONSENSE = 1", 102),
]


def test_what_logins_refuse(connection: pyodbc.Connection) -> None:
    for statement, number in REFUSED:
        assert refusal(connection, statement) == number, statement


def test_a_hash_can_be_carried_to_another_instance(simulator: Simulator, driver: str) -> None:
    name = fresh("login")
    first, second = simulator.instances["sql01"], simulator.instances["sql02"]
    with connect(first, driver=driver) as here, connect(second, driver=driver) as there:
        run(here, f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}'")
        query = f"SELECT CONVERT(varchar(300), CONVERT(varbinary(256), LOGINPROPERTY(N'{name}', 'PasswordHash')), 1)"
        create = f"CREATE LOGIN [{name}] WITH PASSWORD = {value(here, query)} HASHED"
        assert refusal(there, create) == 15118  # not while the policy is checked
        run(there, f"{create}, CHECK_POLICY = OFF")
    connect(second, driver=driver, user=name, password=SECRET).close()


def test_the_policy_is_not_asked_when_it_is_off(connection: pyodbc.Connection) -> None:
    name = fresh("login")
    run(connection, f"CREATE LOGIN [{name}] WITH PASSWORD = N'weak', CHECK_POLICY = OFF")
    assert refusal(connection, f"ALTER LOGIN [{name}] WITH PASSWORD = N'weak', CHECK_POLICY = ON") == 15116


def test_turning_the_policy_on_turns_expiration_on_unless_told_otherwise(
    connection: pyodbc.Connection,
) -> None:
    query = "SELECT is_policy_checked, is_expiration_checked FROM sys.sql_logins WHERE name = ?"
    name = fresh("login")
    run(connection, f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}', CHECK_POLICY = OFF")
    assert rows(connection, query, name) == [(False, False)]
    run(connection, f"ALTER LOGIN [{name}] WITH CHECK_POLICY = ON")
    assert rows(connection, query, name) == [(True, True)]
    run(connection, f"ALTER LOGIN [{name}] WITH CHECK_POLICY = OFF")
    run(connection, f"ALTER LOGIN [{name}] WITH CHECK_POLICY = ON, CHECK_EXPIRATION = OFF")
    assert rows(connection, query, name) == [(True, False)]


def failed_login(instance: Instance, driver: str, **how: str) -> int:
    with pytest.raises(pyodbc.Error) as caught:
        connect(instance, driver=driver, **how)
    text = str(caught.value.args[1])
    found = NUMBER.findall(text)
    return int(found[0]) if found else 0


@pytest.mark.parametrize(
    "end",
    [
        ["ALTER LOGIN [{}] WITH PASSWORD = N'Str0ng-Secret!' UNLOCK"],
        ["ALTER LOGIN [{}] WITH CHECK_POLICY = OFF"],
        ["ALTER LOGIN [{}] WITH CHECK_POLICY = OFF", "ALTER LOGIN [{}] WITH CHECK_POLICY = ON"],
    ],
)
def test_wrong_passwords_lock_a_login_until_it_is_unlocked(
    simulator: Simulator, driver: str, end: list[str]
) -> None:
    windows = simulator.instances["sql02"]
    name = fresh("login")
    locked = "SELECT CONVERT(int, LOGINPROPERTY(?, 'IsLocked'))"
    with connect(windows, driver=driver) as admin:
        run(admin, f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}'")
        for _attempt in range(10):
            assert failed_login(windows, driver, user=name, password="wrong") == 18456
        assert value(admin, locked, name) == 1
        assert failed_login(windows, driver, user=name, password=SECRET) == 18486
        run(admin, f"ALTER LOGIN [{name}] WITH PASSWORD = N'{SECRET}'")
        assert value(admin, locked, name) == 1
        run(admin, *(statement.format(name) for statement in end))
        assert value(admin, locked, name) == 0
        connect(windows, driver=driver, user=name, password=SECRET).close()


def test_logging_in_says_as_little_as_a_real_server(instance: Instance, driver: str) -> None:
    name = fresh("login")
    with connect(instance, driver=driver) as admin:
        run(admin, f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}'")
        connect(instance, driver=driver, user=name, password=SECRET).close()
        assert failed_login(instance, driver, user=name, password="wrong") == 18456
        assert failed_login(instance, driver, user="nobody", password=SECRET) == 18456
        assert failed_login(instance, driver, user=name, password=SECRET, database="nowhere") in {4060, 18456}
        run(admin, f"ALTER LOGIN [{name}] DISABLE")
        assert failed_login(instance, driver, user=name, password=SECRET) in {18470, 18456}
        run(admin, f"ALTER LOGIN [{name}] ENABLE", f"DENY CONNECT SQL TO [{name}]")
        assert failed_login(instance, driver, user=name, password=SECRET) == 18456


def test_disable_does_not_end_sessions_but_kill_does(instance: Instance, driver: str) -> None:
    name = fresh("login")
    with connect(instance, driver=driver) as admin:
        run(admin, f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}'")
        theirs = connect(instance, driver=driver, user=name, password=SECRET)
        run(admin, f"ALTER LOGIN [{name}] DISABLE")
        assert value(theirs, "SELECT 1") == 1
        assert refusal(admin, f"DROP LOGIN [{name}]") == 15434
        query = "SELECT session_id FROM sys.dm_exec_sessions WHERE security_id = SUSER_SID(?)"
        spids = rows(admin, query, name)
        assert len(spids) == 1
        run(admin, f"KILL {spids[0][0]}", f"DROP LOGIN [{name}]")
        with pytest.raises(pyodbc.Error):
            value(theirs, "SELECT 1")
        theirs.close()
        assert refusal(admin, f"KILL {spids[0][0]}") == 6106
        assert refusal(admin, f"KILL {value(admin, 'SELECT @@SPID')}") == 6104


def test_a_renamed_login_keeps_its_sid_and_password(instance: Instance, driver: str) -> None:
    name = fresh("login")
    with connect(instance, driver=driver) as admin:
        run(
            admin,
            f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}'",
            f"ALTER LOGIN [{name}] WITH NAME = [{name}_b]",
        )
    connect(instance, driver=driver, user=f"{name}_b", password=SECRET).close()


def test_login_properties(connection: pyodbc.Connection) -> None:
    name = fresh("login")
    run(connection, f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}' MUST_CHANGE, CHECK_EXPIRATION = ON")
    query = """SELECT CONVERT(int, LOGINPROPERTY(?, 'IsMustChange')), CONVERT(int, LOGINPROPERTY(?, 'IsLocked')),
        CONVERT(nvarchar(128), LOGINPROPERTY(?, 'DefaultDatabase')), CONVERT(int, LOGINPROPERTY(N'nobody', 'IsLocked'))"""
    found = rows(connection, query.replace("?", f"N'{name}'"))
    assert found == [(1, 0, "master", None)]
    assert refusal(connection, f"ALTER LOGIN [{name}] WITH CHECK_EXPIRATION = OFF") == 15128
