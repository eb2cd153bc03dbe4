"""Every data type: the value and the description that each driver reads, NULL, limits, and parameters."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pyodbc
import pytest

from simulator import sqltypes
from simulator.sqltypes import MAX, SqlType, Variant
from simulator.tds.collations import code_page_of, wire_collation
from simulator.tds.parameters import ByteReader, read_type, read_value
from simulator.tds.types import codec_for
from tests.support.simulators import Instance, connect

GUID = uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")

# type, T-SQL, the value that pyodbc gives
VALUES: list[tuple[str, str, Any]] = [
    ("bit", "1", True),
    ("tinyint", "255", 255),
    ("smallint", "-32768", -32768),
    ("int", "-2147483648", -(2**31)),
    ("bigint", "9223372036854775807", 2**63 - 1),
    ("float", "1.5e10", 1.5e10),
    ("real", "0.5", 0.5),
    ("money", "-12.3456", Decimal("-12.3456")),
    ("decimal(38, 4)", f"-{'1234567890' * 3}.5678", Decimal(f"-{'1234567890' * 3}.5678")),
    ("numeric(9, 2)", "0.01", Decimal("0.01")),
    ("char(4)", "'ab'", "ab  "),
    ("varchar(10)", "'\u00fc'", "\u00fc"),
    ("nchar(4)", "N'\u20ac'", "\u20ac   "),
    ("nvarchar(10)", "N'\U0001f600'", "\U0001f600"),
    ("varchar(max)", "'x'", "x"),
    ("nvarchar(max)", "N''", ""),
    ("binary(3)", "0x01", b"\x01\x00\x00"),
    ("varbinary(3)", "0x0102", b"\x01\x02"),
    ("varbinary(max)", "0x00", b"\x00"),
    ("date", "'0001-01-01'", dt.date(1, 1, 1)),
    ("time(3)", "'23:59:59.999'", dt.time(23, 59, 59, 999000)),
    ("datetime", "'2024-02-29T23:59:59.997'", dt.datetime(2024, 2, 29, 23, 59, 59, 997000)),
    ("smalldatetime", "'2024-02-29T12:30:00'", dt.datetime(2024, 2, 29, 12, 30)),
    ("datetime2(6)", "'9999-12-31T23:59:59.999999'", dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ("uniqueidentifier", f"'{GUID}'", str(GUID).upper()),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), VALUES, ids=[v[0] for v in VALUES])
def test_a_value_of_each_type_is_read_by_the_driver(
    connection: pyodbc.Connection, kind: str, text: str, value: Any
) -> None:
    assert connection.execute(f"SELECT CAST({text} AS {kind}) AS a").fetchval() == value


@pytest.mark.parametrize("kind", [v[0] for v in VALUES])
def test_null_of_each_type_is_read_by_the_driver(connection: pyodbc.Connection, kind: str) -> None:
    assert connection.execute(f"SELECT CAST(NULL AS {kind}) AS a").fetchval() is None


@pytest.mark.parametrize(
    "value",
    [
        0,
        -(2**31),
        2**62,
        1.25,
        Decimal("-12345678901234567890.123456"),
        "",
        "it's \u00fc\u20ac\U0001f600",
        "x" * 4000,
        "y" * 4001,
        b"\x00\xff",
        b"z" * 9000,
        True,
        dt.date(2024, 2, 29),
        dt.datetime(2024, 2, 29, 1, 2, 3, 456000),
        None,
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_parameter_comes_back_as_it_was_sent(connection: pyodbc.Connection, value: Any) -> None:
    assert connection.execute("SELECT ? AS a", value).fetchval() == value


def test_columns_are_described(connection: pyodbc.Connection) -> None:
    described = connection.execute(
        "SELECT CAST(1 AS int) AS a, CAST(1 AS decimal(9, 2)) AS b, CAST(N'x' AS nvarchar(7)) AS [c d]"
    ).description
    assert [(name, kind) for name, kind, *_ in described] == [("a", int), ("b", Decimal), ("c d", str)]
    assert described[1][4:6] == (9, 2)
    assert described[2][3] == 7


def test_microsofts_driver_reads_a_text_variant(instance: Instance) -> None:
    assert connect(instance).execute("SELECT SERVERPROPERTY('ProductVersion')").fetchval() == instance.version


# -- the bytes, without a driver --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (sqltypes.BIT, 1),
        (sqltypes.TINYINT, 255),
        (sqltypes.BIGINT, -(2**63)),
        (sqltypes.FLOAT, -0.1),
        (sqltypes.REAL, 0.5),
        (sqltypes.MONEY, Decimal("-922337203685477.5808")),
        (SqlType("smallmoney"), Decimal("-1.5000")),
        (sqltypes.decimal(38, 10), Decimal("-1234567890123456789012345678.0123456789")),
        (sqltypes.decimal(5, 0), Decimal(0)),
        (sqltypes.nvarchar(3), "\u20acb"),
        (sqltypes.varchar(3), "\u20acb"),
        (sqltypes.nvarchar(MAX), "x" * 10000),
        (sqltypes.varbinary(MAX), b""),
        (sqltypes.varbinary(8000), bytes(8000)),
        (sqltypes.UNIQUEIDENTIFIER, GUID),
        (sqltypes.DATE, dt.date(9999, 12, 31)),
        (sqltypes.TIME, dt.time(23, 59, 59, 999999)),
        (SqlType("time", scale=0), dt.time(1, 2, 3)),
        (sqltypes.DATETIME2, dt.datetime(1, 1, 1)),
        (SqlType("datetime2", scale=2), dt.datetime(2024, 2, 29, 1, 2, 3, 450000)),
        (sqltypes.DATETIME, dt.datetime(1753, 1, 1, 0, 0, 0, 3000)),
        (sqltypes.SMALLDATETIME, dt.datetime(2079, 6, 6, 23, 59)),
        (sqltypes.DATETIMEOFFSET, dt.datetime(2024, 1, 1, 1, 2, 3, 4, dt.timezone(dt.timedelta(hours=-9.5)))),
        (sqltypes.XML, "<a/>"),
        (sqltypes.SQL_VARIANT, Variant(sqltypes.INT, -7)),
        (sqltypes.SQL_VARIANT, Variant(sqltypes.DATE, dt.date(2024, 1, 1))),
        (sqltypes.SQL_VARIANT, Variant(SqlType("numeric", None, 9, 2), Decimal("1.50"))),
    ],
    ids=lambda value: value.name if isinstance(value, SqlType) else "",
)
def test_what_is_encoded_is_decoded_again(kind: SqlType, value: Any) -> None:
    codec = codec_for(kind)
    for one in (value, None):
        reader = ByteReader(codec.info + codec.encode(one))
        decoded = read_value(reader, read_type(reader))
        assert reader.at_end
        assert decoded == one


def test_a_variant_needs_its_base_type() -> None:
    with pytest.raises(TypeError, match="base type"):
        codec_for(sqltypes.SQL_VARIANT).encode("text")


def test_a_type_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="no wire form"):
        codec_for(SqlType("geography"))


@pytest.mark.parametrize(
    ("name", "data", "code_page"),
    [
        ("SQL_Latin1_General_CP1_CI_AS", "0904d00034", "cp1252"),
        ("SQL_Latin1_General_CP1_CS_AS", "0904c00033", "cp1252"),
        ("Latin1_General_CI_AS", "0904d00000", "cp1252"),
        ("Latin1_General_BIN2", "0904000200", "cp1252"),
        ("Latin1_General_100_CI_AS_SC_UTF8", "0904d02400", "utf-8"),
        ("Cyrillic_General_CI_AS", "1904d00000", "cp1251"),
    ],
)
def test_a_collation_has_its_bytes_and_its_code_page(name: str, data: str, code_page: str) -> None:
    collation = wire_collation(name)
    assert (collation.data.hex(), collation.code_page) == (data, code_page)
    assert code_page_of(collation.data) == code_page
