"""The protocol below the drivers: cancel, reset, several messages at once, and bytes that are no TDS."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from simulator.tds.packets import (
    MessageReader,
    PacketType,
    ProtocolError,
    Status,
    negotiated_packet_size,
    packets_of,
)
from simulator.tds.requests import parse_calls
from tests.support.raw_tds import HEADERS, LAST, RawClient, executesql
from tests.support.simulators import Simulator

CANCELED = struct.pack("<BHHQ", 0xFD, 0x20, 0, 0)  # DONE with the attention bit
FAILED = struct.pack("<BHHQ", 0xFD, 0x02, 0, 0)  # DONE with the error bit
RESET_DONE = bytes.fromhex("e3 0300 12 00 00")  # ENVCHANGE 18


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    """A raw client of the instance that does not insist on encryption."""
    with RawClient(simulator.instances["sql02"]) as opened:
        yield opened


def test_the_login_is_answered_with_the_default_packet_size(client: RawClient) -> None:
    assert "4096".encode("utf-16-le") in client.login_reply
    assert "master".encode("utf-16-le") in client.login_reply


def test_canceling_while_nothing_runs_is_acknowledged(client: RawClient) -> None:
    client.send(PacketType.ATTENTION, b"")
    assert client.receive() == CANCELED


def test_canceling_a_statement_ends_it_and_acknowledges_in_a_message_of_its_own(client: RawClient) -> None:
    client.batch("WAITFOR DELAY '00:01:00'")
    client.send(PacketType.ATTENTION, b"")
    assert client.receive() == FAILED
    assert client.receive() == CANCELED
    client.batch("PRINT N'again'")
    assert "again".encode("utf-16-le") in client.receive()


def test_a_canceled_statement_is_acknowledged_exactly_once(client: RawClient) -> None:
    for _ in range(20):
        client.batch("PRINT N'x'")
        client.send(PacketType.ATTENTION, b"")
        assert CANCELED not in client.receive()
        assert client.receive() == CANCELED
    client.batch("PRINT N'last'")
    assert "last".encode("utf-16-le") in client.receive()


def test_a_message_of_which_rows_were_sent_is_ended_before_the_acknowledgment(client: RawClient) -> None:
    client.batch("SELECT REPLICATE(CAST(N'x' AS nvarchar(max)), 50000) AS a; WAITFOR DELAY '00:01:00'")
    assert client.socket.recv(1, socket.MSG_PEEK) == b"\x04"  # the first packet of the rows has come
    client.send(PacketType.ATTENTION, b"")
    assert client.receive().endswith(FAILED)
    assert client.receive() == CANCELED


def test_a_canceled_call_is_ended_as_a_call(client: RawClient) -> None:
    client.send(PacketType.RPC, HEADERS + executesql("WAITFOR DELAY '00:01:00'"))
    client.send(PacketType.ATTENTION, b"")
    assert client.receive() == struct.pack("<BHHQ", 0xFE, 0x02, 0, 0)
    assert client.receive() == CANCELED


def test_messages_sent_ahead_are_answered_in_order(client: RawClient) -> None:
    for number in range(5):
        client.batch(f"PRINT N'message {number}'")
    for number in range(5):
        assert f"message {number}".encode("utf-16-le") in client.receive()


@pytest.mark.parametrize("bit", [Status.RESET_CONNECTION, Status.RESET_CONNECTION_KEEP_TRANSACTION])
def test_a_reset_is_acknowledged_first_and_forgets_the_session(client: RawClient, bit: int) -> None:
    client.batch("USE tempdb; SELECT 1 AS a INTO #t")
    client.receive()
    client.batch("PRINT DB_NAME(); SELECT * FROM #t", status=LAST | bit)
    reply = client.receive()
    assert reply.startswith(RESET_DONE)
    assert "master".encode("utf-16-le") in reply
    assert struct.pack("<i", 208) in reply


def test_two_calls_in_one_message_are_answered_each(client: RawClient) -> None:
    two = executesql("PRINT N'one'") + b"\xff" + executesql("PRINT N'two'")
    client.send(PacketType.RPC, HEADERS + two)
    reply = client.receive()
    first, second = ("one".encode("utf-16-le"), "two".encode("utf-16-le"))
    assert reply.index(first) < reply.index(second)
    ends = [struct.unpack_from("<H", reply, i + 1)[0] & 1 for i in _positions(reply, b"\xfe")]
    assert ends == [1, 0]  # "more" on the first DONEPROC alone


def _positions(reply: bytes, token: bytes) -> list[int]:
    """Where a token of 13 bytes (a DONE) with empty row count stands."""
    return [i for i in range(len(reply)) if reply[i : i + 1] == token and reply[i + 5 : i + 13] == bytes(8)]


def test_an_empty_batch_is_answered(client: RawClient) -> None:
    client.batch("")
    assert client.receive() == struct.pack("<BHHQ", 0xFD, 0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (PacketType.BATCH, b""),
        (PacketType.BATCH, struct.pack("<I", 999) + b"x"),
        (PacketType.BATCH, HEADERS + b"odd"),
        (PacketType.RPC, HEADERS + b"\x05\x00a"),
        (PacketType.RPC, HEADERS),
        (PacketType.TRANSACTION, HEADERS + b"\x63\x00"),
        (PacketType.LOGIN7, b""),
        (99, b""),
    ],
)
def test_a_message_that_cannot_be_read_ends_the_connection(
    client: RawClient, kind: int, payload: bytes
) -> None:
    client.send(kind, payload)
    assert client.receive() == b""


def test_a_bulk_load_is_refused_aloud(client: RawClient) -> None:
    client.send(PacketType.BULK_LOAD, b"")
    assert "does not know".encode("utf-16-le") in client.receive()


@pytest.mark.parametrize(("asked", "given"), [(0, 4096), (100, 512), (8000, 8000), (99999, 32767)])
def test_the_packet_size_is_negotiated(asked: int, given: int) -> None:
    assert negotiated_packet_size(asked) == given


@pytest.mark.parametrize("size", [0, 1, 504, 505, 5000])
def test_a_message_is_the_same_after_it_was_cut_into_packets(size: int) -> None:
    payload = bytes(n % 251 for n in range(size))
    reader = MessageReader()
    whole = b"".join(packets_of(PacketType.BATCH, payload, spid=1, packet_size=512))
    messages = [message for n in range(len(whole)) for message in reader.feed(whole[n : n + 1])]
    assert [message.payload for message in messages] == [payload]


def test_a_packet_shorter_than_its_header_is_refused() -> None:
    with pytest.raises(ProtocolError):
        list(MessageReader().feed(b"\x01\x01\x00\x07\x00\x00\x00\x00"))


def test_every_cut_of_a_call_is_refused_and_none_fails_otherwise() -> None:
    text = "SELECT 1".encode("utf-16-le")
    kind = struct.pack("<BHIBH", 0xE7, 8000, 0x00D00409, 0x34, len(text))
    whole = HEADERS + struct.pack("<HHH", 0xFFFF, 10, 0) + b"\0\0" + kind + text
    assert parse_calls(whole)[0].text == "SELECT 1"
    for length in range(len(HEADERS) + 7, len(whole)):
        with pytest.raises(ProtocolError):
            parse_calls(whole[:length])
