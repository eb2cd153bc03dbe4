"""Error numbers that the modules branch on: the simulator's answers are those of a real server."""

from __future__ import annotations

import re

import pyodbc
import pytest

from tests.verified.server import Server

pytestmark = pytest.mark.sqlserver_verified
PASSWORD = "Ver1fied-by-tests"

# (statements that set the scene, the statement that fails, its number or the numbers either driver may show)
CASES = {
    "a database that exists": (["CREATE DATABASE [{n}]"], "CREATE DATABASE [{n}]", {1801}),
    "an unknown collation": ([], "CREATE DATABASE [{n}] COLLATE Klingon_CI_AS", {448, 1826}),
    "a Unicode-only collation": ([], "CREATE DATABASE [{n}] COLLATE Indic_General_90_CI_AS", {15301, 453}),
    "dropping what is not there": ([], "DROP DATABASE [{n}]", {3701}),
    "entering what is not there": ([], "USE [{n}]", {911}),
    "altering what is not there": ([], "ALTER DATABASE [{n}] SET RECOVERY SIMPLE", {5011, 5069}),
    "a size that shrinks": (
        ["CREATE DATABASE [{n}]", "ALTER DATABASE [{n}] MODIFY FILE (NAME = N'{n}', SIZE = 100MB)"],
        "ALTER DATABASE [{n}] MODIFY FILE (NAME = N'{n}', SIZE = 50MB)",
        {5039, 5069},
    ),
    "a maximum below the size": (
        ["CREATE DATABASE [{n}]", "ALTER DATABASE [{n}] MODIFY FILE (NAME = N'{n}', SIZE = 100MB)"],
        "ALTER DATABASE [{n}] MODIFY FILE (NAME = N'{n}', MAXSIZE = 50MB)",
        {5040, 5069},
    ),
    "a login that exists": (
        [f"CREATE LOGIN [{{n}}] WITH PASSWORD = N'{PASSWORD}'"],
        f"CREATE LOGIN [{{n}}] WITH PASSWORD = N'{PASSWORD}'",
        {15025},
    ),
    "expiration without policy": (
        [],
        f"CREATE LOGIN [{{n}}] WITH PASSWORD = N'{PASSWORD}', CHECK_EXPIRATION = ON, CHECK_POLICY = OFF",
        {15122},
    ),
    "dropping a login that is not there": ([], "DROP LOGIN [{n}]", {15151}),
    "dropping a login that owns a database": (
        [
            f"CREATE LOGIN [{{n}}] WITH PASSWORD = N'{PASSWORD}'",
            "CREATE DATABASE [{n}]",
            "ALTER AUTHORIZATION ON DATABASE::[{n}] TO [{n}]",
        ],
        "DROP LOGIN [{n}]",
        {15174},
    ),
    "an owner that is not there": (
        ["CREATE DATABASE [{n}]"],
        "ALTER AUTHORIZATION ON DATABASE::[{n}] TO [{n}]",
        {15151},
    ),
    "a name longer than 128 characters": ([], "CREATE DATABASE [" + "x" * 129 + "]", {103}),
    "an unknown column": ([], "SELECT nothing_of_the_kind FROM sys.databases", {207}),
    "an unknown object": ([], "SELECT * FROM dbo.nothing_of_the_kind", {208}),
    "division by zero": ([], "SELECT 1/0", {8134}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_error_has_the_number_that_the_modules_know(server: Server, name: str, case: str) -> None:
    scene, failing, numbers = CASES[case]
    connection = server.connect()
    try:
        for statement in scene:
            connection.execute(statement.replace("{n}", name))
        with pytest.raises(pyodbc.Error) as caught:
            connection.execute(failing.replace("{n}", name)).fetchall()
    finally:
        connection.close()
    assert int(re.findall(r"\((\d+)\) \(SQL\w+\)", str(caught.value.args[1]))[0]) in numbers


def test_creating_a_database_in_a_transaction_is_refused(server: Server, name: str) -> None:
    connection = server.connect(autocommit=False)
    try:
        with pytest.raises(pyodbc.Error, match=r"\(226\)"):
            connection.execute(f"CREATE DATABASE [{name}]")
    finally:
        connection.rollback()
        connection.close()
