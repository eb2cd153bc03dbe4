# ruff: noqa: E501 - one case a line reads best
"""The ends of the ranges: 100 ns of a second, the smallest money, numbers that no float holds."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

import pyodbc
import pytest

from simulator.tds.packets import PacketType
from tests.simulator.asking import refusal, value
from tests.support.raw_tds import HEADERS, RawClient, executesql
from tests.support.simulators import Simulator


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("CAST('9999-12-31T23:59:59.9999999' AS datetime2)", "9999-12-31 23:59:59.9999999"),
        ("CAST('23:59:59.9999999' AS time)", "23:59:59.9999999"),
        ("CAST('2020-01-01 10:00:00.1234567 +02:00' AS datetimeoffset)", "2020-01-01 10:00:00.1234567 +02:00"),
        ("CAST(CAST('10:00:00.1234567' AS time) AS datetime2)", "1900-01-01 10:00:00.1234567"),
        ("CAST('00:00:00.1234567' AS time(6))", "00:00:00.123457"),
        ("CAST('00:00:00.1234565' AS time(3))", "00:00:00.123"),
        ("CAST('9999-12-31 23:59:59.9999999' AS date)", "9999-12-31"),
        ("DATEADD(ns, 150, CAST('2020-01-01' AS datetime2))", "2020-01-01 00:00:00.0000002"),
        ("DATEADD(ns, -100, CAST('2020-01-01' AS datetime2))", "2019-12-31 23:59:59.9999999"),
        ("DATEADD(mi, 1, CAST('00:00:00.0000001' AS time))", "00:01:00.0000001"),
        ("DATEADD(mm, 1, CAST('2020-01-31 00:00:00.0000001' AS datetime2))", "2020-02-29 00:00:00.0000001"),
        ("SWITCHOFFSET(CAST('2020-01-01 10:00:00.1234567 +02:00' AS datetimeoffset), '+00:00')",
         "2020-01-01 08:00:00.1234567 +00:00"),
        ("TODATETIMEOFFSET(CAST('2020-01-01 10:00:00.1234567' AS datetime2), '+01:00')",
         "2020-01-01 10:00:00.1234567 +01:00"),
        ("DATEDIFF(ns, CAST('00:00:00.0000001' AS time), CAST('00:00:00.0000003' AS time))", "200"),
        ("DATEPART(ns, CAST('00:00:00.1234567' AS time))", "123456700"),
        ("(SELECT MAX(t) FROM (VALUES (CAST('00:00:00.0000002' AS time)), ('00:00:00.0000001')) AS v (t))",
         "00:00:00.0000002"),
    ],
)  # fmt: skip
def test_a_hundred_nanoseconds_are_kept(connection: pyodbc.Connection, expression: str, text: str) -> None:
    assert value(connection, f"SELECT CONVERT(nvarchar(60), {expression}, 121)") == text


@pytest.mark.parametrize(
    ("left", "sign", "right"),
    [
        ("0000001", "<", "0000002"),
        ("0000002", ">", "0000001"),
        ("0000001", "=", "0000001"),
        ("000000", "<", "0000001"),
    ],
)
def test_they_are_compared(connection: pyodbc.Connection, left: str, sign: str, right: str) -> None:
    for kind, day in (("time", ""), ("datetime2", "2020-01-01 ")):
        sides = [f"CAST('{day}00:00:00.{digits}' AS {kind})" for digits in (left, right)]
        assert value(connection, f"SELECT CASE WHEN {sides[0]} {sign} {sides[1]} THEN 1 END") == 1


def test_they_travel_both_ways(simulator: Simulator) -> None:
    """As time(7) parameters and columns; pyodbc itself knows microseconds only."""
    ticks = (24 * 3600 * 10**7 - 1).to_bytes(5, "little")
    declared = struct.pack("<BH5sH", 0xE7, 40, b"\x09\x04\xd0\x00\x34", 14) + "@t time".encode("utf-16-le")
    with RawClient(simulator.instances["sql02"]) as client:
        parameter = b"\x02@\x00t\x00\x00\x29\x07\x05" + ticks
        client.send(PacketType.RPC, HEADERS + executesql("SELECT @t AS t", b"\0\0" + declared, parameter))
        assert b"\xd1\x05" + ticks in client.receive()


@pytest.mark.parametrize("text", ["9999-12-31 23:59:59.9999999 -01:00", "0001-01-01 00:00:00 +01:00"])
def test_a_moment_outside_the_calendar_of_utc_is_refused(connection: pyodbc.Connection, text: str) -> None:
    assert refusal(connection, f"SELECT CAST('{text}' AS datetimeoffset)") == 241


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("CAST('-922337203685477.5808' AS money)", Decimal("-922337203685477.5808")),
        ("CAST(-922337203685477.5808 AS money)", Decimal("-922337203685477.5808")),
        ("CAST(922337203685477.5807 AS money)", Decimal("922337203685477.5807")),
        ("CAST('-214748.3648' AS smallmoney)", Decimal("-214748.3648")),
        ("CAST(0x8000000000000000 AS bigint)", -(2**63)),
    ],
)
def test_the_ends_of_money_are_taken(connection: pyodbc.Connection, expression: str, found: Any) -> None:
    assert value(connection, f"SELECT {expression}") == found


@pytest.mark.parametrize(
    ("expression", "number"),
    [
        ("CAST('922337203685477.5808' AS money)", 8115),
        ("CAST('-922337203685477.5809' AS money)", 8115),
        ("CAST(1e300 AS money)", 8115),
        ("CAST(214748.3648 AS smallmoney)", 8115),
        ("1e400", 168),
        ("-1e400", 168),
        ("CAST('1e400' AS float)", 232),
        ("CAST(1e39 AS real)", 232),
        ("1e308 * 10", 8115),
        ("CAST('nan' AS float)", 8114),
        ("CAST('infinity' AS float)", 8114),
        ("CAST('1_000' AS float)", 8114),
    ],
)
def test_what_is_beyond_the_ends_is_refused(
    connection: pyodbc.Connection, expression: str, number: int
) -> None:
    assert refusal(connection, f"SELECT {expression}") == number
