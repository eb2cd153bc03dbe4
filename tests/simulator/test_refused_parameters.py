"""What a call cannot mean is answered with an error, and the connection goes on."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pymssql
import pyodbc
import pytest

from simulator.tds.packets import PacketType
from tests.simulator.asking import value
from tests.support.raw_tds import HEADERS, RawClient, executesql
from tests.support.simulators import SA_PASSWORD, Simulator, connect


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    """A raw client of the instance that does not insist on encryption."""
    with RawClient(simulator.instances["sql02"]) as opened:
        yield opened


@pytest.mark.parametrize(
    ("what", "kind_and_value", "number"),
    [
        ("a table-valued parameter", b"\xf3\x00\x00\x00", 59999),
        ("a CLR type", b"\xf0\x00\x00\x00", 59999),
        ("an unknown type", b"\x99", 8009),
        ("an integer of three bytes", b"\x26\x03", 8016),
        ("nvarchar(4001)", struct.pack("<BH", 0xE7, 8002) + bytes(5), 8016),
        (
            "varchar longer than it says",
            struct.pack("<BH5sH", 0xA7, 1, b"\x09\x04\xd0\x00\x34", 2) + b"ab",
            8016,
        ),
        (
            "half a unit of nvarchar",
            struct.pack("<BH5sH", 0xE7, 8, b"\x09\x04\xd0\x00\x34", 3) + b"abc",
            8023,
        ),
        ("numeric with a scale above its precision", b"\x6c\x05\x05\x06", 8023),
        ("numeric of 39 digits", b"\x6c\x11\x27\x00", 8023),
        ("numeric with more digits than it says", b"\x6c\x05\x01\x00\x05\x01\x0a\x00\x00\x00", 8023),
        ("time with eight digits", b"\x29\x08", 8023),
        ("24 o'clock", b"\x29\x00\x03" + (86400).to_bytes(3, "little"), 8023),
        ("a day after year 9999", b"\x28\x03\xff\xff\xff", 8023),
        ("an offset of 15 hours", b"\x2b\x00\x08" + bytes(6) + struct.pack("<h", 900), 8023),
        ("a datetime of year 1000", b"\x6f\x08\x08" + struct.pack("<iI", -328000, 0), 8023),
        ("a datetime of 25 hours", b"\x6f\x08\x08" + struct.pack("<iI", 0, 300 * 90000), 8023),
        ("a smalldatetime of 25 hours", b"\x6f\x04\x04" + struct.pack("<HH", 0, 1500), 8023),
        ("not a number", b"\x6d\x08\x08" + struct.pack("<d", float("nan")), 8023),
        ("infinity", b"\x6d\x04\x04" + struct.pack("<f", float("inf")), 8023),
        ("a variant of an unknown type", b"\x62" + struct.pack("<II", 8009, 3) + b"\x99\x00\x00", 8023),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_parameter_out_of_range_is_an_error_and_the_connection_stays(
    client: RawClient, what: str, kind_and_value: bytes, number: int
) -> None:
    del what
    client.send(PacketType.RPC, HEADERS + executesql("SELECT 1", b"\x01@\x00\x00" + kind_and_value))
    reply = client.receive()
    assert reply.startswith(b"\xaa")  # an ERROR token
    assert struct.unpack_from("<i", reply, 3) == (number,)
    client.batch("PRINT N'still here'")
    assert "still here".encode("utf-16-le") in client.receive()


def test_the_error_names_the_parameter_and_stands_in_the_trace(
    client: RawClient, simulator: Simulator
) -> None:
    after = len(simulator.trace())
    client.send(PacketType.RPC, HEADERS + executesql("SELECT @a", b"\x02@\x00a\x00\x00" + b"\x29\x08"))
    assert 'Parameter 2 ("@a")'.encode("utf-16-le") in client.receive()
    line = simulator.trace()[after]
    assert (line["text"], line["outcome"], line["error"]) == ("SELECT @a", "error", 8023)


@pytest.mark.parametrize("version", [0x70000000, 0x71000001])
def test_a_client_before_tds_7_2_is_told_why_in_its_own_tokens(simulator: Simulator, version: int) -> None:
    with RawClient(simulator.instances["sql02"], version=version) as client:
        reply = client.login_reply
        kind, length, number = struct.unpack_from("<BHi", reply)
        assert (kind, number) == (0xAA, 59999)
        assert "TDS before 7.2".encode("utf-16-le") in reply
        line = struct.unpack_from("<H", reply, 3 + length - 2)[0]
        assert line == 1
        assert reply[3 + length :] == struct.pack("<BHHI", 0xFD, 2, 0, 0)
        assert client.receive() == b""


@pytest.mark.parametrize("version", ["7.2", "7.3", "7.4"])
def test_later_clients_before_tds_7_4_log_in_and_ask(simulator: Simulator, version: str) -> None:
    with connect(simulator.instances["sql01"], driver="freetds", TDS_Version=version) as connection:
        assert value(connection, "SELECT SYSDATETIME()") is not None
        assert value(connection, "SELECT ?", "x") == "x"


def test_free_tds_reads_the_refusal_of_tds_7_1(simulator: Simulator) -> None:
    instance = simulator.instances["sql01"]
    with pytest.raises(pymssql.OperationalError, match=r"TDS before 7\.2"):
        pymssql.connect(
            server=instance.host, port=str(instance.port), user="sa", password=SA_PASSWORD, tds_version="7.1"
        )


def test_canceling_works_with_both_drivers(connection: pyodbc.Connection) -> None:
    connection.timeout = 1
    with pytest.raises(pyodbc.OperationalError, match="HYT00"):
        connection.execute("WAITFOR DELAY '00:00:30'")
    connection.timeout = 0
    assert value(connection, "SELECT 1") == 1
