"""What a client sends after the login: batches, procedure calls, transaction requests (MS-TDS 2.2.6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from simulator.errors import SqlError, register_messages, sql_error, unknown_tsql
from simulator.results import Parameter
from simulator.tds.packets import ProtocolError
from simulator.tds.parameters import BadParameter, ByteReader, read_type, read_value
from simulator.utf16 import decoded

# Procedures with a number of their own (MS-TDS 2.2.6.6, ProcID).
PROCEDURE_NAMES = {
    1: "sp_cursor",
    2: "sp_cursoropen",
    3: "sp_cursorprepare",
    4: "sp_cursorexecute",
    5: "sp_cursorprepexec",
    6: "sp_cursorunprepare",
    7: "sp_cursorfetch",
    8: "sp_cursoroption",
    9: "sp_cursorclose",
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    14: "sp_prepexecrpc",
    15: "sp_unprepare",
}
# Where the procedures that carry a statement have it among their parameters, by name and else by position.
STATEMENT_POSITION = {"sp_executesql": 0, "sp_prepare": 2, "sp_prepexec": 2}
STATEMENT_NAMES = {"@stmt", "@statement"}
UNKNOWN_TSQL = 59999
_STREAM = (
    "The incoming tabular data stream (TDS) remote procedure call (RPC) protocol stream is incorrect. "
    'Parameter {0} ("{1}"): '
)
# Source: Microsoft Learn, "Database Engine events and errors".
register_messages(
    {
        8009: (16, _STREAM + "Data type {2} is unknown."),
        8016: (16, _STREAM + "Data type {2} has an invalid data length or metadata length."),
        8023: (
            16,
            _STREAM
            + "The supplied value is not a valid instance of data type {2}. Check the source data for "
            "invalid values. An example of an invalid value is data of numeric type with scale greater than "
            "precision.",
        ),
    }
)
SEPARATORS = {0x80, 0xFE, 0xFF}  # between two calls of one message
OUTPUT, DEFAULT_VALUE = 0x01, 0x02  # parameter status


@dataclass(frozen=True)
class Call:
    """A remote procedure call; ``name`` is a number where the client sent one."""

    name: str | int
    parameters: list[Parameter]
    options: int
    error: SqlError | None = None  # a parameter could not be read: what the call is answered with

    @property
    def procedure(self) -> str:
        """The procedure's name as text."""
        return (
            self.name
            if isinstance(self.name, str)
            else PROCEDURE_NAMES.get(self.name, f"procedure {self.name}")
        )

    @property
    def text(self) -> str:
        """What the trace shows: the statement that the call carries, else the procedure's name."""
        position = STATEMENT_POSITION.get(self.procedure.rsplit(".", 1)[-1].strip("[]").lower())
        if position is None:
            return self.procedure
        named = [p.value for p in self.parameters if p.name.lower() in STATEMENT_NAMES]
        placed = [p.value for p in self.parameters[position : position + 1]]
        return next((value for value in named + placed if isinstance(value, str)), self.procedure)


class TransactionKind(IntEnum):
    """Transaction manager requests that clients send (MS-TDS 2.2.6.9)."""

    GET_DTC_ADDRESS = 0
    PROPAGATE = 1
    BEGIN = 5
    PROMOTE = 6
    COMMIT = 7
    ROLLBACK = 8
    SAVE = 9


TRANSACTION_TEXTS = {
    TransactionKind.BEGIN: "BEGIN TRANSACTION",
    TransactionKind.COMMIT: "COMMIT TRANSACTION",
    TransactionKind.ROLLBACK: "ROLLBACK TRANSACTION",
    TransactionKind.SAVE: "SAVE TRANSACTION",
}


@dataclass(frozen=True)
class TransactionRequest:
    """A transaction request; ``begin_next`` asks for a new transaction after commit or rollback."""

    kind: TransactionKind
    name: str = ""
    begin_next: bool = False
    isolation: int = 0

    @property
    def text(self) -> str:
        """What the trace shows."""
        return TRANSACTION_TEXTS.get(self.kind, self.kind.name)


def _after_headers(payload: bytes) -> int:
    """Where the request begins behind ALL_HEADERS (MS-TDS 2.2.5.3)."""
    if len(payload) < 4:
        raise ProtocolError("a request without its headers")
    (total,) = struct.unpack_from("<I", payload)
    if not 4 <= total <= len(payload):
        raise ProtocolError("a request whose headers are longer than itself; TDS before 7.2 is not spoken")
    return int(total)


def parse_batch(payload: bytes) -> str:
    """The text of a batch. Raises :class:`ProtocolError`."""
    try:
        return decoded(payload[_after_headers(payload) :])
    except UnicodeDecodeError as exc:
        raise ProtocolError("the text of a batch is not UTF-16") from exc


def parse_calls(payload: bytes) -> list[Call]:
    """The remote procedure calls of one message, in order. Raises :class:`ProtocolError`."""
    reader = ByteReader(payload, _after_headers(payload))
    calls = []
    while not reader.at_end:
        calls.append(_call(reader))
        if calls[-1].error is not None:
            break  # where the next call begins is not known
    if not calls:
        raise ProtocolError("a message of remote procedure calls without one")
    return calls


def _call(reader: ByteReader) -> Call:
    length = reader.u16()
    name: str | int = reader.u16() if length == 0xFFFF else reader.text(length)
    options = reader.u16()
    parameters: list[Parameter] = []
    while not reader.at_end:
        if reader.peek() in SEPARATORS:
            reader.u8()
            break
        parameter = reader.text(reader.u8())
        status = reader.u8()
        try:
            wire_type = read_type(reader)
            value = read_value(reader, wire_type)
        except BadParameter as exc:
            return Call(name, parameters, options, _refusal(exc, len(parameters) + 1, parameter))
        if status & DEFAULT_VALUE and value is None and parameter:
            continue  # the procedure's own default applies
        parameters.append(Parameter(parameter, wire_type.type, value, is_output=bool(status & OUTPUT)))
    return Call(name, parameters, options)


def _refusal(fault: BadParameter, number: int, parameter: str) -> SqlError:
    """The error for a parameter; ``number`` counts from 1."""
    if fault.number == UNKNOWN_TSQL:
        return unknown_tsql(fault.what)
    return sql_error(fault.number, number, parameter, fault.what)


def parse_transaction(payload: bytes) -> TransactionRequest:
    """A transaction manager request. Raises :class:`ProtocolError`."""
    reader = ByteReader(payload, _after_headers(payload))
    number = reader.u16()
    try:
        kind = TransactionKind(number)
    except ValueError as exc:
        raise ProtocolError(f"unknown transaction request {number}") from exc
    if kind == TransactionKind.BEGIN:
        isolation = reader.u8()
        return TransactionRequest(kind, reader.text(reader.u8() // 2), isolation=isolation)
    if kind in {TransactionKind.COMMIT, TransactionKind.ROLLBACK}:
        name = reader.text(reader.u8() // 2)
        begin_next = bool(reader.u8() & 1)
        isolation = reader.u8() if begin_next and not reader.at_end else 0
        return TransactionRequest(kind, name, begin_next, isolation)
    if kind == TransactionKind.SAVE:
        return TransactionRequest(kind, reader.text(reader.u8() // 2))
    return TransactionRequest(kind)
