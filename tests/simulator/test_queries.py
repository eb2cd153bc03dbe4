# ruff: noqa: E501 - T-SQL reads best on one line
"""Queries over VALUES, views and table functions: joins, groups, windows, paging, set operations, conversion."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pyodbc
import pytest

from tests.support.simulators import Instance, connect

T = "(VALUES (1, N'one', 10), (2, N'two', 20), (3, N'three', NULL)) AS t(i, name, n)"
U = "(VALUES (1, N'ONE  '), (3, N'drei'), (4, N'vier')) AS u(i, name)"

QUERIES: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "two statements need nothing between them": ("SELECT 1 SELECT 2", [(1,)]),
    "inner join on equality": (f"SELECT t.i, u.i FROM {T} JOIN {U} ON t.i = u.i ORDER BY 1", [(1, 1), (3, 3)]),
    "left join keeps the left": (
        f"SELECT t.i, u.name FROM {T} LEFT JOIN {U} ON u.i = t.i ORDER BY t.i",
        [(1, "ONE  "), (2, None), (3, "drei")],
    ),
    "right join keeps the right": (
        f"SELECT t.i, u.i FROM {T} RIGHT JOIN {U} ON u.i = t.i ORDER BY u.i",
        [(1, 1), (3, 3), (None, 4)],
    ),
    "full join keeps both": (f"SELECT COUNT(*) FROM {T} FULL JOIN {U} ON u.i = t.i", [(4,)]),
    "cross join": (f"SELECT COUNT(*) FROM {T} CROSS JOIN {U}", [(9,)]),
    "join on an inequality": (f"SELECT COUNT(*) FROM {T} JOIN {U} ON t.i < u.i", [(5,)]),
    "strings are equal in any case and with trailing blanks": (
        f"SELECT t.i FROM {T} JOIN {U} ON t.name = u.name",
        [(1,)],
    ),
    "an explicit collation decides instead": (
        f"SELECT t.i FROM {T} WHERE t.name = 'ONE' COLLATE Latin1_General_CS_AS",
        [],
    ),
    "LIKE with a set": (f"SELECT i FROM {T} WHERE name LIKE '[ot]%e' ORDER BY i", [(1,), (3,)]),
    "LIKE with a negated set and escape": ("SELECT 1 WHERE 'a_b' LIKE '[^b]!_b' ESCAPE '!'", [(1,)]),
    "NOT IN with NULL is unknown": (f"SELECT i FROM {T} WHERE i NOT IN (5, NULL)", []),
    "IN a subquery": (f"SELECT i FROM {T} WHERE i IN (SELECT i FROM {U}) ORDER BY i", [(1,), (3,)]),
    "correlated EXISTS": (
        f"SELECT i FROM {T} WHERE NOT EXISTS (SELECT * FROM {U} WHERE u.i = t.i)",
        [(2,)],
    ),
    "correlated scalar subquery": (
        f"SELECT i, (SELECT MAX(u.name) FROM {U} WHERE u.i = t.i) FROM {T} WHERE i > 1 ORDER BY i",
        [(2, None), (3, "drei")],
    ),
    "ANY and ALL": ("SELECT 1 WHERE 3 >= ALL (SELECT 3 UNION SELECT 2) AND 2 = ANY (SELECT 2)", [(1,)]),
    "aggregates skip NULL": (f"SELECT COUNT(*), COUNT(n), SUM(n), AVG(n), MIN(n) FROM {T}", [(3, 2, 30, 15, 10)]),
    "aggregates of nothing": (f"SELECT COUNT(*), SUM(n) FROM {T} WHERE i > 9", [(0, None)]),
    "group by with having": (
        "SELECT a % 2, COUNT(*) FROM (VALUES (1),(2),(3)) v(a) GROUP BY a % 2 HAVING COUNT(*) > 1",
        [(1, 2)],
    ),
    "string_agg in an order": (f"SELECT STRING_AGG(name, ',') WITHIN GROUP (ORDER BY name DESC) FROM {T}", [("two,three,one",)]),
    "count distinct": ("SELECT COUNT(DISTINCT a) FROM (VALUES ('a'),('A'),('b')) v(a)", [(2,)]),
    "row_number and rank": (
        "SELECT a, ROW_NUMBER() OVER (ORDER BY a), RANK() OVER (ORDER BY a) FROM (VALUES (1),(1),(2)) v(a) ORDER BY 2",
        [(1, 1, 1), (1, 2, 1), (2, 3, 3)],
    ),
    "running and total sums": (
        f"SELECT i, SUM(i) OVER (ORDER BY i), SUM(i) OVER (), COUNT(*) OVER () FROM {T} ORDER BY i",
        [(1, 1, 6, 3), (2, 3, 6, 3), (3, 6, 6, 3)],
    ),
    "lag": (f"SELECT LAG(i, 1, 0) OVER (ORDER BY i) FROM {T}", [(0,), (1,), (2,)]),
    "top with ties": ("SELECT TOP (1) WITH TIES a FROM (VALUES (2),(1),(1)) v(a) ORDER BY a", [(1,), (1,)]),
    "top percent": ("SELECT TOP 50 PERCENT a FROM (VALUES (1),(2),(3)) v(a) ORDER BY a", [(1,), (2,)]),
    "offset and fetch": (f"SELECT i FROM {T} ORDER BY i OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [(2,)]),
    "NULL sorts first": (f"SELECT n FROM {T} ORDER BY n", [(None,), (10,), (20,)]),
    "order by an alias, descending": (f"SELECT -i AS k FROM {T} ORDER BY k DESC", [(-1,), (-2,), (-3,)]),
    "distinct folds case": ("SELECT DISTINCT a FROM (VALUES ('x'),('X')) v(a)", [("x",)]),
    "union drops doubles": ("SELECT 1 UNION SELECT 1 UNION ALL SELECT 2", [(1,), (2,)]),
    "except and intersect": ("SELECT 1 EXCEPT SELECT 2 INTERSECT SELECT 2", [(1,)]),
    "common table expression": ("WITH a(x) AS (SELECT 1), b AS (SELECT x + 1 AS y FROM a) SELECT y FROM b", [(2,)]),
    "recursive common table expression": (
        "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT SUM(i) FROM n",
        [(10,)],
    ),
    "cross apply of a subquery": (
        f"SELECT t.i, x.m FROM {T} CROSS APPLY (SELECT MAX(u.i) AS m FROM {U} WHERE u.i > t.i) x WHERE t.i > 1 ORDER BY 1",
        [(2, 4), (3, 4)],
    ),
    "outer apply keeps rows without a match": (
        f"SELECT t.i, x.i FROM {T} OUTER APPLY (SELECT u.i FROM {U} WHERE u.i = t.i) x ORDER BY 1",
        [(1, 1), (2, None), (3, 3)],
    ),
    "case": ("SELECT CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END, CASE WHEN 1 = 2 THEN 1 END", [("b", None)]),
    "integer division cuts": ("SELECT 7 / 2, -7 / 2, 7 % 3, 7 / 2.0", [(3, -3, 1, Decimal("3.500000"))]),
    "text plus number adds": ("SELECT '1' + 2, N'a' + 'b'", [(3, "ab")]),
    "NULL in an operation": ("SELECT 1 + NULL, 'a' + NULL", [(None, None)]),
    "convert styles": (
        "SELECT CONVERT(varchar(30), CAST('2024-02-03 04:05:06.789' AS datetime), s) FROM (VALUES (1)) v(x)"
        " CROSS JOIN (SELECT 121 AS s) w",
        [("2024-02-03 04:05:06.790",)],
    ),
    "convert to binary text": ("SELECT CONVERT(varchar(10), 0x0AFF, 1), CONVERT(varbinary(4), '0x0AFF', 1)", [("0x0AFF", b"\x0a\xff")]),
    "try_convert gives NULL": ("SELECT TRY_CONVERT(int, 'x'), TRY_CAST('5' AS int)", [(None, 5)]),
    "cast cuts text silently": ("SELECT CAST('abcdef' AS varchar(3)), CAST('ab' AS char(4)) + '|'", [("abc", "ab  |")]),
    "xml value": ("SELECT CONVERT(xml, N'<r><a b=\"7\">5</a></r>').value('(//a/@b)[1]', 'int')", [(7,)]),
    "for json path": ("SELECT a AS 'x', b AS 'y.z' FROM (VALUES (1, N'q')) v(a, b) FOR JSON PATH", [('[{"x":1,"y":{"z":"q"}}]',)]),
    "for xml path joins texts": ("SELECT STUFF((SELECT ',' + a FROM (VALUES ('a'),('b')) v(a) FOR XML PATH('')), 1, 1, '')", [("a,b",)]),
}  # fmt: skip


@pytest.mark.parametrize("name", QUERIES)
def test_query(connection: pyodbc.Connection, name: str) -> None:
    text, expected = QUERIES[name]
    assert [tuple(row) for row in connection.execute(text).fetchall()] == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("CAST(1 AS bit)", bool),
        ("1", int),
        ("CAST(5 AS bigint)", int),
        ("1.5", Decimal),
        ("CAST(1 AS float)", float),
        ("CAST('2024-01-02' AS date)", datetime.date),
        ("GETDATE()", datetime.datetime),
        ("CAST('03:04' AS time)", datetime.time),
        ("N'x'", str),
        ("0x00", bytearray),
        ("NEWID()", str),
    ],
)
def test_columns_have_their_sql_type_even_without_rows(
    connection: pyodbc.Connection, expression: str, expected: type
) -> None:
    described = connection.execute(f"SELECT {expression} AS c WHERE 1 = 0").description
    assert described[0][0] == "c"
    if expected is not datetime.time:  # FreeTDS calls a time text
        assert described[0][1] in {expected, bytes if expected is bytearray else expected}


def test_a_parameter_in_place_of_a_value(connection: pyodbc.Connection) -> None:
    rows = connection.execute("SELECT name FROM sys.databases WHERE name = ? OR database_id = ?", "MASTER", 2)
    assert sorted(row.name for row in rows) == ["master", "tempdb"]


def test_names_compare_under_a_case_sensitive_server_collation(simulator: Any, driver: str) -> None:
    instance: Instance = simulator.instances["sql02"]
    with connect(instance, driver=driver) as connection:
        assert connection.execute("SELECT name FROM sys.databases WHERE name = 'MASTER'").fetchall() == []
        assert connection.execute("SELECT 1 WHERE 'a' = 'A'").fetchall() == []
    connection.close()


def test_another_databases_views_are_read_in_its_context(connection: pyodbc.Connection) -> None:
    rows = connection.execute("SELECT name FROM [msdb].sys.database_files ORDER BY file_id").fetchall()
    assert [row.name for row in rows] == ["MSDBData", "MSDBLog"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT COUNT(*) FROM sys.fn_helpcollations() a CROSS JOIN sys.fn_helpcollations() b",
        "SELECT COUNT(*) FROM sys.fn_helpcollations() a JOIN sys.fn_helpcollations() b ON a.name < b.name",
    ],
)
def test_a_query_that_would_stop_everybody_is_refused(query: str, connection: pyodbc.Connection) -> None:
    with pytest.raises(pyodbc.Error, match="looks at more than 3000000 rows"):
        connection.execute(query)
