# ruff: noqa: E501 - T-SQL reads best on one line
"""Functions: text, dates, numbers, NULL, the session."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pyodbc
import pytest

FUNCTIONS: list[tuple[str, Any]] = [
    ("LEN(N'ab  ')", 2),
    ("DATALENGTH(N'ab')", 4),
    ("DATALENGTH('ab')", 2),
    ("SUBSTRING('abcdef', 2, 3)", "bcd"),
    ("SUBSTRING('abc', 0, 3)", "ab"),
    ("LEFT('abc', 2) + RIGHT('abc', 1)", "abc"),
    ("UPPER('aé') + LOWER('B')", "AÉb"),
    ("LTRIM('  a ') + '|' + RTRIM(' b  ') + TRIM(' c ')", "a | bc"),
    ("REPLACE('aXbx', 'x', '-')", "a-b-"),
    ("REPLICATE('ab', 3)", "ababab"),
    ("STUFF('abcd', 2, 2, 'XYZ')", "aXYZd"),
    ("CHARINDEX('C', 'abcabc', 4)", 6),
    ("PATINDEX('%[0-9]%', 'ab3')", 3),
    ("CONCAT('a', NULL, 5)", "a5"),
    ("CONCAT_WS('-', 'a', NULL, 'b')", "a-b"),
    ("QUOTENAME('a]b')", "[a]]b]"),
    ("QUOTENAME('a''b', '''')", "'a''b'"),
    ("QUOTENAME(REPLICATE('a', 129))", None),
    ("LEN(QUOTENAME(REPLICATE('a', 128)))", 130),
    ("PARSENAME('db.dbo.t', 3)", "db"),
    ("CHAR(65) + NCHAR(8364)", "A€"),
    ("ASCII('A') + UNICODE(N'B')", 131),
    ("REVERSE('abc') + SPACE(1) + STR(3.14159, 6, 2)", "cba   3.14"),
    ("ISNUMERIC('1.5') + ISNUMERIC('x')", 1),
    ("ISNULL(NULL, 'x')", "x"),
    ("COALESCE(NULL, NULL, 3)", 3),
    ("NULLIF(1, 1)", None),
    ("IIF(1 < 2, 'y', 'n')", "y"),
    ("CHOOSE(2, 'a', 'b')", "b"),
    ("ABS(-5) + SIGN(-3) + FLOOR(2.7) + CEILING(2.1)", Decimal(9)),
    ("ROUND(2.345, 2)", Decimal("2.350")),
    ("ROUND(1234, -2)", 1200),
    ("POWER(2, 10)", 1024),
    ("SQRT(16)", 4.0),
    ("DATEADD(month, 1, CAST('2024-01-31' AS date))", datetime.date(2024, 2, 29)),
    ("DATEADD(MINUTE, -5, CAST('2024-01-01T00:00:00' AS datetime))", datetime.datetime(2023, 12, 31, 23, 55)),
    ("DATEDIFF(day, '2024-02-28', '2024-03-01')", 2),
    ("DATEDIFF(year, '2023-12-31', '2024-01-01')", 1),
    ("DATEPART(quarter, '2024-05-01')", 2),
    ("DATENAME(weekday, '2024-02-29')", "Thursday"),
    ("EOMONTH('2024-02-10')", datetime.date(2024, 2, 29)),
    ("YEAR('2024-02-10') + MONTH('2024-02-10') + DAY('2024-02-10')", 2036),
    ("DATEFROMPARTS(2024, 2, 29)", datetime.date(2024, 2, 29)),
    ("CAST('20240203' AS datetime)", datetime.datetime(2024, 2, 3)),
    ("CAST('02/03/2024 1:05 PM' AS datetime)", datetime.datetime(2024, 2, 3, 13, 5)),
    ("CONVERT(varchar(10), CAST('2024-02-03' AS date), 104)", "03.02.2024"),
    ("CONVERT(varchar(8), CAST('2024-02-03' AS date), 112)", "20240203"),
    ("CONVERT(datetime, '03/02/2024', 103)", datetime.datetime(2024, 2, 3)),
    ("CONVERT(varchar(30), CAST('2024-02-03T04:05:06.7' AS datetime2(3)), 126)", "2024-02-03T04:05:06.700"),
    ("CONVERT(varchar(40), CAST('2024-02-03 04:05:06' AS datetime), 100)", "Feb  3 2024  4:05AM"),
    ("CONVERT(nvarchar(36), CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier))", "6F9619FF-8B86-D011-B42D-00C04FC964FF"),
    ("CONVERT(binary(16), CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier))", bytes.fromhex("ff19966f868b11d0b42d00c04fc964ff")),
    ("CAST(CAST(1.5 AS money) AS varchar(10))", "1.50"),
    ("CAST(CAST(0.1 AS float) AS varchar(20))", "0.1"),
    ("CAST(0x41 AS varchar(1))", "A"),
    ("CAST(N'é' AS varchar(1))", "é"),
    ("@@TRANCOUNT + @@NESTLEVEL", 0),
    ("@@LANGUAGE", "us_english"),
    ("IIF(@@SPID > 50, 1, 0)", 1),
    ("XACT_STATE()", 0),
    ("IIF(ABS(DATEDIFF(second, GETUTCDATE(), SYSUTCDATETIME())) < 5, 1, 0)", 1),
    ("LEN(CONVERT(varchar(36), NEWID()))", 36),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), FUNCTIONS, ids=[f[0][:60] for f in FUNCTIONS])
def test_function(connection: pyodbc.Connection, expression: str, expected: Any) -> None:
    value = connection.execute(f"SELECT {expression}").fetchval()
    assert value == (str(expected) if isinstance(value, str) and expected is not None else expected)
