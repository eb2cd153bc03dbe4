"""Running one message: faults before and after it, its trace line, its reply."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.errors import SimulatorError, SqlError, unknown_tsql
from simulator.results import Result
from simulator.server.faults import Fault
from simulator.server.reply import Reply
from simulator.server.trace import Entry, Kind
from simulator.tds import tokens
from simulator.tds.packets import Message, PacketType, ProtocolError, Status
from simulator.tds.requests import (
    Call,
    TransactionKind,
    TransactionRequest,
    parse_batch,
    parse_calls,
    parse_transaction,
)
from simulator.utf16 import characters

if TYPE_CHECKING:
    from simulator.server.connection import Connection

logger = logging.getLogger(__name__)

FLUSH_SIZE = 32 * 1024  # bytes of a reply that are sent before it is complete
CLOSES_CONNECTION = 20  # severity from which on an error ends the connection
RESET = Status.RESET_CONNECTION | Status.RESET_CONNECTION_KEEP_TRANSACTION
SIMULATOR_FAILED = 59998
KILLED = SqlError(596, 21, "Cannot continue the execution because the session is in the kill state.", state=1)


class ClientGone(SimulatorError):  # noqa: N818 - nobody's error: the end of a conversation
    """The client vanished, or a fault cut it off: nothing more can be sent."""


@dataclass(frozen=True)
class Request:
    """A batch, one procedure call or a transaction request."""

    kind: Kind
    text: str
    work: str | Call | TransactionRequest


def requests_of(message: Message) -> list[Request]:
    """What a message asks for, in order. Raises :class:`ProtocolError`."""
    if message.type == PacketType.BATCH:
        text = parse_batch(message.payload)
        return [Request("batch", characters(text), text)]
    if message.type == PacketType.RPC:
        return [Request("rpc", characters(call.text), call) for call in parse_calls(message.payload)]
    if message.type == PacketType.TRANSACTION:
        request = parse_transaction(message.payload)
        return [Request("transaction", request.text, request)]
    if message.type == PacketType.BULK_LOAD:
        return [Request("batch", "INSERT BULK", "")]
    raise ProtocolError(f"a message of type {message.type} after the login")


def new_entry(connection: Connection, request: Request) -> Entry:
    """The trace entry of a request that has arrived."""
    entry = connection.server.trace.begin(connection.server.name, request.kind, request.text)
    entry.login, entry.app_name, entry.spid = connection.login_name, connection.app_name, connection.spid
    if connection.session is not None:
        entry.database = connection.session.database.name
    return entry


def trace_unrun(connection: Connection, message: Message) -> None:
    """Trace a message that arrived but never ran, because its client vanished."""
    try:
        for request in requests_of(message):
            connection.server.trace.end(new_entry(connection, request), "dropped")
    except ProtocolError:
        logger.info("message_unreadable instance=%s", connection.server.name)


async def run_message(connection: Connection, message: Message) -> None:
    """Run a message and send its reply. A message that is not TDS breaks the connection."""
    connection.running = True
    reply = connection.new_reply()
    try:
        if connection.is_closed:  # the client left between the message's arrival and now
            trace_unrun(connection, message)
            return
        requests = requests_of(message)
        if message.status & RESET:
            _reset(connection, message.status, reply)
        for number, request in enumerate(requests, 1):
            await _run(connection, request, reply, is_last=number == len(requests), kind=message.type)
    except ProtocolError as exc:
        logger.info("connection_refused instance=%s reason=%s", connection.server.name, exc)
        connection.abort()
    except (ClientGone, _Answered):
        pass


class _Answered(Exception):  # noqa: N818 - not an error: the reply is complete
    """The message ended early and its reply was sent."""


def _reset(connection: Connection, status: int, reply: Reply) -> None:
    """RESETCONNECTION: the session begins anew, and the reply says so first."""
    assert connection.session is not None
    reply.token(tokens.reset_acknowledged())
    old = connection.session.database.name
    connection.session.reset(keep_transaction=bool(status & Status.RESET_CONNECTION_KEEP_TRANSACTION))
    new = connection.session.database.name
    if new != old:
        reply.token(tokens.text_change(tokens.Change.DATABASE, new, old))


async def _run(connection: Connection, request: Request, reply: Reply, *, is_last: bool, kind: int) -> None:
    """One request: faults, execution, trace line, then the end of its reply. Raises :class:`ClientGone`."""
    trace, faults = connection.server.trace, connection.server.faults
    entry = new_entry(connection, request)
    acting: list[Fault] = []
    if request.kind != "transaction":
        acting = faults.of_message(entry.instance, request.text, entry.login, entry.app_name)
        entry.fault = ", ".join(fault.label for fault in acting) or None
    before = [fault for fault in acting if fault.spec.when == "before"]
    after = [fault for fault in acting if fault.spec.when == "after"]
    reply.in_procedure = request.kind == "rpc"
    reply.first_error = None
    has_run = False
    error: SqlError | None = None
    try:
        try:
            _stop_if_asked(connection)
            await _act(connection, before, entry)
            has_run = True
            error = await _execute(connection, request, reply, withhold=bool(after), kind=kind)
            entry.error = reply.first_error
            if after:
                trace.end(entry, "error" if entry.error else "ok")
                await _act(connection, after, entry)
        except SqlError as exc:  # a fault's error
            error = exc
            reply.error(exc)
        entry.error = reply.first_error
        trace.end(entry, "error" if entry.error else "ok")
    except asyncio.CancelledError:
        _canceled(connection, reply, entry, has_run=has_run)
    except ClientGone:
        trace.end(entry, "canceled" if has_run else "dropped")
        raise
    fatal = error is not None and error.severity >= CLOSES_CONNECTION
    reply.end(more=not (is_last or fatal))
    if is_last or fatal:
        connection.send(reply)
    if fatal:
        connection.close()
        raise ClientGone
    if connection.killed:
        connection.close()
        raise ClientGone


def _stop_if_asked(connection: Connection) -> None:
    """An Attention, a KILL or the client's end that came before the task began."""
    if connection.is_closed:
        raise ClientGone
    if connection.attention or connection.killed:
        raise asyncio.CancelledError


def _canceled(connection: Connection, reply: Reply, entry: Entry, *, has_run: bool) -> None:
    """The task was canceled: by an Attention, by KILL or because the client is gone. Always raises."""
    if connection.session is not None:
        connection.session.cancel()
    connection.server.trace.end(entry, "canceled" if has_run else "dropped")
    if connection.is_closed:
        raise ClientGone
    if connection.killed:
        reply.error(KILLED)
        reply.end()
        connection.send(reply)
        connection.close()
        raise ClientGone
    connection.attention = False
    reply.end_canceled()
    connection.send(reply)
    connection.acknowledge_attention()
    raise _Answered


async def _act(connection: Connection, acting: list[Fault], entry: Entry) -> None:
    """Carry out faults. Raises SqlError for an error to answer with, :class:`ClientGone` for a cut."""
    for fault in acting:
        match fault.spec.kind:
            case "error":
                raise fault.error()
            case "delay":
                await asyncio.sleep(fault.spec.seconds)
            case "hold":
                await fault.hold(entry.text)
            case "drop":
                connection.abort()
                raise ClientGone
            case "down":
                connection.server.faults.on_change(entry.instance)
                raise ClientGone


async def _execute(
    connection: Connection, request: Request, reply: Reply, *, withhold: bool, kind: int
) -> SqlError | None:
    """Run a request in the session; the error that ended it. ``withhold`` keeps the whole reply back."""
    try:
        if isinstance(request.work, Call) and request.work.error is not None:
            raise request.work.error
        if kind == PacketType.BULK_LOAD:
            raise unknown_tsql("bulk load (INSERT BULK)")
        async with contextlib.aclosing(_results(connection, request)) as results:
            async for result in results:
                reply.add(result)
                if len(reply.buffer) > FLUSH_SIZE and not withhold:
                    connection.send(reply, last=False)
                    await connection.drained()
    except SqlError as exc:
        reply.error(exc)
        return exc
    except ClientGone:
        raise
    except Exception as exc:  # the outermost edge: a fault of the simulator, said aloud to the client
        logger.exception("message_failed instance=%s", connection.server.name)
        error = SqlError(
            SIMULATOR_FAILED,
            16,
            f"The SQL Server simulator failed ({type(exc).__name__}); its log says where.",
        )
        reply.error(error)
        return error
    return None


def _results(connection: Connection, request: Request) -> AsyncGenerator[Result, None]:
    session, work = connection.session, request.work
    assert session is not None
    if isinstance(work, str):
        return session.run_batch(work)
    if isinstance(work, Call):
        return session.call_procedure(work.name, work.parameters, work.options)
    if work.kind == TransactionKind.BEGIN:
        return session.begin(work.name, isolation=work.isolation)
    if work.kind == TransactionKind.COMMIT:
        return session.commit(work.name, begin_next=work.begin_next)
    if work.kind == TransactionKind.ROLLBACK:
        return session.rollback(work.name, begin_next=work.begin_next)
    raise unknown_tsql(f"transaction manager request {work.kind.name}")
