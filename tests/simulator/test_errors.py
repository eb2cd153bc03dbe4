# ruff: noqa: E501 - T-SQL reads best on one line
"""Errors: SQL Server's numbers, severities, states and texts; what they end; what CATCH sees."""

from __future__ import annotations

import pyodbc
import pytest

ERRORS = [
    ("SELECT 1/0", 8134, "Divide by zero error encountered."),
    ("SELECT * FROM nope", 208, "Invalid object name 'nope'."),
    ("SELECT nope FROM sys.databases", 207, "Invalid column name 'nope'."),
    (
        "SELECT d.nope.x FROM sys.databases d",
        4104,
        'The multi-part identifier "d.nope.x" could not be bound.',
    ),
    ("SELECT name FROM sys.databases a, sys.databases b", 209, "Ambiguous column name 'name'."),
    ("SELECT 1 +", 102, "Incorrect syntax near '+'."),
    ("SELECT FROM x", 156, "Incorrect syntax near the keyword 'FROM'."),
    ("SELECT 'x", 105, "Unclosed quotation mark after the character string 'x'."),
    ("SELECT 1 /* x", 113, "Missing end comment mark '*/'."),
    ("SELECT 1 AS [" + "n" * 129 + "]", 103, f"The identifier that starts with '{'n' * 128}' is too long."),
    ("SELECT @x", 137, 'Must declare the scalar variable "@x".'),
    ("DECLARE @x int DECLARE @x int", 134, "The variable name '@x' has already been declared."),
    ("SELECT nofunction(1)", 195, "'nofunction' is not a recognized built-in function name."),
    ("SELECT LEN()", 174, "The len function requires 1 argument(s)."),
    (
        "SELECT CAST('x' AS int)",
        245,
        "Conversion failed when converting the varchar value 'x' to data type int.",
    ),
    ("SELECT CAST('x' AS decimal)", 8114, "Error converting data type varchar to decimal."),
    (
        "SELECT CAST('x' AS datetime)",
        241,
        "Conversion failed when converting date and/or time from character",
    ),
    (
        "SELECT CAST('x' AS uniqueidentifier)",
        8169,
        "Conversion failed when converting from a character string to",
    ),
    ("SELECT CAST(300 AS tinyint)", 220, "Arithmetic overflow error for data type tinyint, value = 300."),
    ("SELECT 2147483647 + 1", 8115, "Arithmetic overflow error converting expression to data type int."),
    (
        "SELECT CAST(1000 AS decimal(3,1))",
        8115,
        "Arithmetic overflow error converting int to data type decimal.",
    ),
    ("SELECT CAST(1 AS nothing)", 243, "Type nothing is not a defined system type."),
    ("SELECT (SELECT 1 UNION SELECT 2)", 512, "Subquery returned more than 1 value."),
    ("SELECT (SELECT 1, 2)", 116, "Only one expression can be specified in the select list"),
    ("SELECT 1 UNION SELECT 1, 2", 205, "All queries combined using a UNION, INTERSECT or EXCEPT operator"),
    (
        "SELECT name, COUNT(*) FROM sys.databases",
        8120,
        "Column 'sys.databases.name' is invalid in the select list",
    ),
    ("SELECT 1 WHERE COUNT(*) > 1", 147, "An aggregate may not appear in the WHERE clause"),
    ("SELECT 1 WHERE 1", 4145, "An expression of non-boolean type specified in a context where a condition"),
    ("SELECT x.a FROM (SELECT 1) x", 8155, "No column name was specified for column 1 of 'x'."),
    ("SELECT 'a' COLLATE Nowhere_CI", 448, "Invalid collation 'Nowhere_CI'."),
    (
        "SELECT SUBSTRING('a', 1, -1)",
        537,
        "Invalid length parameter passed to the LEFT or SUBSTRING function.",
    ),
    ("SELECT TOP (-1) 1", 127, "A TOP N or FETCH rowcount value may not be negative."),
    ("USE nowhere", 911, "Database 'nowhere' does not exist."),
    ("EXEC nowhere", 2812, "Could not find stored procedure 'nowhere'."),
    ("EXEC sp_executesql N'SELECT @a', N'@a int'", 8178, "The parameterized query"),
    ("COMMIT", 3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    ("ROLLBACK", 3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    ("RAISERROR('a %s %d', 16, 1, 'b', 3)", 50000, "a b 3"),
    ("THROW 50123, 'mine', 7", 50123, "mine"),
    ("THROW 100, 'x', 1", 35100, "Error number 100 in the THROW statement is outside the valid range."),
    ("RAISERROR('x', 19, 1)", 2754, "Error severity levels greater than 18"),
    ("SELECT 1 FROM sys.databases WITH (SPEEDY)", 321, '"SPEEDY" is not a recognized table hints option.'),
]

UNKNOWN = [
    "MERGE t USING u ON 1 = 1 WHEN MATCHED THEN DELETE;",
    "CREATE VIEW v AS SELECT 1",
    "CREATE PROCEDURE p AS SELECT 1",
    "DECLARE c CURSOR FOR SELECT 1",
    "SELECT * FROM (SELECT 1 a) x PIVOT (MAX(a) FOR a IN ([1])) p",
    "SELECT 1 OPTION (HASH JOIN)",
    "SELECT 1 FROM sys.databases a INNER HASH JOIN sys.databases b ON 1 = 1",
    "SELECT name FROM sys.databases FOR XML AUTO",
    "SELECT a, COUNT(*) FROM (VALUES (1)) v(a) GROUP BY ROLLUP (a)",
    "SET QUOTED_IDENTIFIER OFF",
    "SET LANGUAGE German",
    "SET FMTONLY ON",
    "WAITFOR TIME '10:00'",
    "BEGIN DISTRIBUTED TRAN",
    "EXECUTE AS USER = 'dbo'",
    "SELECT 1 FROM sys.databases TABLESAMPLE (10 PERCENT)",
    "ALTER TABLE t SWITCH TO u",
    "UPDATE STATISTICS t",
    "SELECT GROUPING(1)",
]


def _error(connection: pyodbc.Connection, text: str) -> str:
    with pytest.raises(pyodbc.Error) as caught:
        cursor = connection.execute(text)
        while cursor.nextset():
            pass
    return str(caught.value.args[1])


@pytest.mark.parametrize(("text", "number", "message"), ERRORS, ids=[f"{e[1]} {e[0][:40]}" for e in ERRORS])
def test_error_has_its_number_and_text(
    connection: pyodbc.Connection, text: str, number: int, message: str
) -> None:
    said = _error(connection, text)
    assert f"({number})" in said
    assert message in said


@pytest.mark.parametrize("text", UNKNOWN)
def test_unknown_tsql_is_an_error_and_never_a_silent_success(
    connection: pyodbc.Connection, text: str
) -> None:
    assert "(59999)" in _error(connection, text)


def _all(cursor: pyodbc.Cursor) -> list[list[tuple[object, ...]]]:
    found = []
    while True:
        if cursor.description:
            found.append([tuple(row) for row in cursor.fetchall()])
        if not cursor.nextset():
            return found


def test_catch_sees_the_errors_number_severity_state_line_and_text(connection: pyodbc.Connection) -> None:
    cursor = connection.execute(
        "BEGIN TRY\n SELECT 1/0\nEND TRY\nBEGIN CATCH\n SELECT ERROR_NUMBER(), ERROR_SEVERITY(), ERROR_STATE(),"
        " ERROR_LINE(), ERROR_MESSAGE()\nEND CATCH"
    )
    assert _all(cursor)[-1] == [(8134, 16, 1, 2, "Divide by zero error encountered.")]


def test_throw_without_arguments_raises_the_caught_error_again(connection: pyodbc.Connection) -> None:
    text = "SET NOCOUNT ON; BEGIN TRY THROW 50007, 'inner', 3 END TRY BEGIN CATCH THROW END CATCH"
    assert "inner (50007)" in _error(connection, text)


def test_catch_sees_a_missing_table_only_from_an_inner_scope(connection: pyodbc.Connection) -> None:
    assert "(208)" in _error(
        connection, "BEGIN TRY SELECT * FROM nope END TRY BEGIN CATCH SELECT 1 END CATCH"
    )
    caught = connection.execute(
        "BEGIN TRY EXEC('SELECT * FROM nope') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH"
    )
    assert _all(caught)[-1] == [(208,)]


def test_a_batch_that_does_not_parse_runs_nothing(connection: pyodbc.Connection) -> None:
    _error(connection, "CREATE TABLE #never (a int); SELEC 1")
    assert connection.execute("SELECT OBJECT_ID('tempdb..#never')").fetchval() is None


def test_a_statements_error_does_not_stop_the_batch(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #kept (a int PRIMARY KEY)")
    _error(
        connection,
        "SET NOCOUNT ON; INSERT #kept VALUES (1); INSERT #kept VALUES (1); INSERT #kept VALUES (2)",
    )
    assert connection.execute("SELECT COUNT(*) FROM #kept").fetchval() == 2


def test_a_conversion_error_stops_the_batch(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #cut (a int)")
    _error(connection, "SET NOCOUNT ON; INSERT #cut VALUES ('x'); INSERT #cut VALUES (2)")
    assert connection.execute("SELECT COUNT(*) FROM #cut").fetchval() == 0


def test_error_and_rowcount_tell_about_the_statement_before(connection: pyodbc.Connection) -> None:
    cursor = connection.execute(
        "SET NOCOUNT ON; DECLARE @n int; SELECT @n = 1 WHERE 1 = 0; SELECT @@ROWCOUNT; SELECT @@ROWCOUNT, @@ERROR"
    )
    assert _all(cursor) == [[(0,)], [(1, 0)]]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT LEFT('a', 'x')",
        "SELECT FLOOR(0x01)",
        "SELECT CAST(1e300 AS decimal)",
        "SELECT @@TRANCOUNT = 1",
        "SET ROWCOUNT 'x'",
        "SELECT STRING_AGG('a', GETDATE())",
        "SELECT * FROM (SELECT 1 AS a) t JOIN (SELECT t.a AS b) u ON 1 = 1",
    ],
)
def test_arguments_of_the_wrong_kind_are_errors_of_the_server(
    connection: pyodbc.Connection, text: str
) -> None:
    assert "simulator failed" not in _error(connection, text)


def test_no_function_makes_a_text_of_any_size(connection: pyodbc.Connection) -> None:
    row = connection.execute(
        "SELECT LEN(REPLICATE('a', 2147483647)), SPACE(-1), STR(1, 2147483647)"
    ).fetchone()
    assert tuple(row) == (8000, None, None)
