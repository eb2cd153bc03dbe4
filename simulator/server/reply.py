"""A reply in the making: results become tokens, and the DONE tokens say whether more follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from simulator.errors import SqlError
from simulator.results import (
    DatabaseChanged,
    ErrorMessage,
    Info,
    Result,
    ResultSet,
    ReturnStatus,
    ReturnValue,
    StatementDone,
    TransactionChanged,
)
from simulator.tds import tokens
from simulator.tds.collations import WireCollation
from simulator.tds.packets import HEADER_SIZE, PacketType, packets_of
from simulator.tds.tokens import Change, DoneKind, DoneStatus

SELECT = 0xC1  # CurCmd of a DONE that ends rows


class Reply:
    """Collects the tokens of one reply.

    A statement's DONE waits until it is known whether anything follows. An error's DONE waits as well:
    errors that belong together (1802 after 5170) come in front of one DONE.
    """

    def __init__(self, *, server_name: str, collation: WireCollation) -> None:
        self.server_name = server_name
        self.collation = collation
        self.buffer = bytearray()
        self.first_error: int | None = None
        self.in_procedure = False
        self._packets = 0
        self._done: tuple[int, int, int] | None = None  # status, row count, command
        self._failed = False  # an error was sent, its DONE was not

    def token(self, data: bytes) -> None:
        """Add a token that belongs to no statement."""
        self._release()
        self.buffer += data

    def add(self, result: Result) -> None:
        """Add what a session gave."""
        if isinstance(result, ResultSet):
            self._rows(result)
        elif isinstance(result, StatementDone):
            if self._failed:
                self._statement_done(DoneStatus.ERROR, 0)
            elif result.row_count is None:
                self._statement_done(DoneStatus.FINAL, 0)
            else:
                self._statement_done(DoneStatus.COUNT, result.row_count)
        elif isinstance(result, Info | ErrorMessage):
            self._message(result)
        elif isinstance(result, DatabaseChanged):
            self.token(tokens.text_change(Change.DATABASE, result.new, result.old))
        elif isinstance(result, TransactionChanged):
            self.token(tokens.transaction_change(result.kind, result.descriptor))
        elif isinstance(result, ReturnStatus):
            self.token(tokens.return_status(result.value))
        elif isinstance(result, ReturnValue):
            self.token(
                tokens.return_value(result.ordinal, result.name, result.type, result.value, self.collation)
            )
        else:
            assert_never(result)

    def error(self, error: SqlError) -> None:
        """Add an error that ended the message, with those that come with it."""
        for one in [error, *error.also]:
            self._message(
                ErrorMessage(one.number, one.severity, one.state, one.message, one.line, one.procedure)
            )

    def end(self, *, more: bool = False) -> None:
        """End the batch or the procedure. ``more``: another procedure of the same message follows."""
        following = DoneStatus.MORE if more else DoneStatus.FINAL
        if self.in_procedure:
            failed = DoneStatus.ERROR if self._failed else DoneStatus.FINAL
            self._failed = False
            self._release()
            self.buffer += tokens.done(DoneKind.PROCEDURE, failed | following)
            return
        if self._failed:
            self._statement_done(DoneStatus.ERROR, 0)
        status, count, command = self._done or (DoneStatus.FINAL, 0, 0)
        self._done = None
        self.buffer += tokens.done(DoneKind.BATCH, status | following, count, command)

    def end_canceled(self) -> None:
        """End a message that an Attention canceled: the statement's own DONE says "error".

        The acknowledgment is a message of its own (:meth:`acknowledge`): tedious reads the canceled message
        to its end first and then waits for one more. With the acknowledgment alone Microsoft's driver would
        take a canceled statement for one that succeeded.
        """
        self._failed = True
        self.end()

    def acknowledge(self) -> None:
        """The acknowledgment of an Attention, the only token of its message (MS-TDS 2.2.1.7, 2.2.7.6)."""
        self.buffer += tokens.done(DoneKind.BATCH, DoneStatus.ATTENTION)

    def packets(self, *, spid: int, packet_size: int, last: bool) -> Iterator[bytes]:
        """Take the reply's packets; without ``last`` only full ones, the rest stays."""
        size = len(self.buffer)
        if not last:
            size -= size % (packet_size - HEADER_SIZE)
            if not size:
                return
        for packet in packets_of(
            PacketType.REPLY,
            bytes(self.buffer[:size]),
            spid=spid,
            packet_size=packet_size,
            first_id=self._packets + 1,
            last=last,
        ):
            self._packets += 1
            yield packet
        del self.buffer[:size]

    def _rows(self, result: ResultSet) -> None:
        self._release()
        head, encoders = tokens.columns(tuple(result.columns), self.collation)
        # Encoded apart from the buffer: a value that cannot be encoded must not leave half a token in it.
        self.buffer += head + tokens.rows(result.rows, encoders)
        status = DoneStatus.COUNT if result.counted else DoneStatus.FINAL
        self._done = (status, len(result.rows) if result.counted else 0, SELECT)

    def _message(self, result: Info | ErrorMessage) -> None:
        if isinstance(result, ErrorMessage) and result.severity > 10:
            if self._done is not None:
                self._release()
            self._failed = True
            self.first_error = self.first_error or result.number
        else:
            self._release()
        self.buffer += tokens.message(
            result.number,
            result.severity,
            result.state,
            result.message,
            server=self.server_name,
            procedure=result.procedure,
            line=result.line,
        )

    def _statement_done(self, status: int, row_count: int) -> None:
        self._failed = False
        self._release()
        self._done = (status, row_count, 0)

    def _release(self) -> None:
        """Send the DONE that waited; something follows it."""
        if self._failed:
            self._failed = False
            self._done = (DoneStatus.ERROR, 0, 0)
        if self._done is not None:
            status, count, command = self._done
            self._done = None
            kind = DoneKind.IN_PROCEDURE if self.in_procedure else DoneKind.BATCH
            self.buffer += tokens.done(kind, status | DoneStatus.MORE, count, command)
