"""One client's connection: handshake, login, then messages one after the other.

Bytes are taken in as they come, so that an Attention is seen while a message runs; the message's task is then
canceled. Messages themselves run in :mod:`simulator.server.running`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Coroutine
from enum import Enum, auto
from typing import TYPE_CHECKING

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.server.reply import Reply
from simulator.server.running import ClientGone, run_message, trace_unrun
from simulator.server.tls import TlsChannel
from simulator.server.welcome import welcome
from simulator.sql.session import Session
from simulator.tds import tokens
from simulator.tds.login7 import TDS_VERSION_7_2, Login7, parse_login7
from simulator.tds.packets import (
    DEFAULT_PACKET_SIZE,
    HEADER,
    HEADER_SIZE,
    Message,
    MessageReader,
    PacketType,
    ProtocolError,
    negotiated_packet_size,
    packets_of,
    peel_packet,
)
from simulator.tds.prelogin import agree_on_encryption, parse_prelogin, prelogin_answer
from simulator.utf16 import characters

if TYPE_CHECKING:
    from simulator.server.listener import InstanceServer

logger = logging.getLogger(__name__)

LOGIN_TIMEOUT_S = 30.0  # a client that connects and says nothing is not kept
TLS_HANDSHAKE = 0x16  # first byte of a TLS connection: a TDS 8 client, "strict"


class Phase(Enum):
    """What the connection waits for."""

    FIRST_BYTE = auto()
    STRICT_HANDSHAKE = auto()
    PRELOGIN = auto()
    HANDSHAKE = auto()
    LOGIN = auto()
    READY = auto()
    CLOSED = auto()


class Connection(asyncio.Protocol):
    """A connection to one instance."""

    def __init__(self, server: InstanceServer) -> None:
        self.server = server
        self.session: Session | None = None
        self.login_name = ""
        self.app_name = ""
        self.spid = 0
        self.packet_size = DEFAULT_PACKET_SIZE
        self.attention = False  # the client asked to cancel, and was not yet answered
        self.killed = False
        self.running = False  # the task has begun and may be canceled
        self._transport: asyncio.Transport | None = None
        self._phase = Phase.FIRST_BYTE
        self._reader = MessageReader()
        self._tls: TlsChannel | None = None
        self._wrapped = bytearray()  # handshake packets that are not complete
        self._encrypts_login_only = False
        self._messages: deque[Message] = deque()
        self.task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._login_timer: asyncio.TimerHandle | None = None

    # -- asyncio.Protocol ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.server.connections.add(self)
        self._login_timer = asyncio.get_running_loop().call_later(LOGIN_TIMEOUT_S, self.abort)

    def data_received(self, data: bytes) -> None:
        """Bytes have come. A client that does not speak TDS is cut off."""
        if self.is_closed:
            return
        try:
            self._receive(data)
        except (ProtocolError, ssl.SSLError) as exc:
            logger.info("connection_refused instance=%s reason=%s", self.server.name, exc)
            self._send_alert()
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: what runs is canceled, what waits never runs."""
        self._phase = Phase.CLOSED
        self._writable.set()
        if self._login_timer is not None:
            self._login_timer.cancel()
        for message in self._messages:
            trace_unrun(self, message)
        self._messages.clear()
        if self.task is not None:
            if self.running:
                self.task.cancel()
        else:
            self._leave()

    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._writable.set()

    # -- incoming --------------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """The client is gone, or was sent away."""
        return self._phase is Phase.CLOSED

    def _receive(self, data: bytes) -> None:
        if self._phase is Phase.FIRST_BYTE:
            self._begin(data[0])
        if self._phase is Phase.STRICT_HANDSHAKE:
            data = self._shake_hands(data)
        elif self._phase is Phase.HANDSHAKE:
            data = self._shake_wrapped_hands(data)
        elif self._tls is not None:
            data = self._tls.decrypt(data)
        for message in self._reader.feed(data):
            self._take(message)
            if self.is_closed:
                return

    def _begin(self, first: int) -> None:
        if first != TLS_HANDSHAKE:
            self._phase = Phase.PRELOGIN
            return
        if self.server.encryption == "not_supported":
            raise ProtocolError("a TDS 8 client, but encryption is not supported")
        self._tls = TlsChannel(self.server.certificate.strict)
        self._phase = Phase.STRICT_HANDSHAKE

    def _shake_hands(self, data: bytes) -> bytes:
        """TDS 8: TLS first, everything else inside it. Gives back what was decrypted."""
        assert self._tls is not None
        self._write_raw(self._tls.handshake(data))
        if not self._tls.is_open:
            return b""
        self._phase = Phase.PRELOGIN
        return self._tls.decrypt(b"")

    def _shake_wrapped_hands(self, data: bytes) -> bytes:
        """TDS 7: the handshake travels in PRELOGIN packets, then raw. Gives back what was decrypted."""
        assert self._tls is not None
        self._wrapped += data
        while not self._tls.is_open:
            packet = peel_packet(self._wrapped)
            if packet is None:
                return b""
            if packet[0] != PacketType.PRELOGIN:
                raise ProtocolError("the TLS handshake is not inside PRELOGIN packets")
            answer = self._tls.handshake(packet[2])
            if answer:
                for part in packets_of(PacketType.PRELOGIN, answer, spid=0, packet_size=DEFAULT_PACKET_SIZE):
                    self._write_raw(part)
        self._phase = Phase.LOGIN
        rest = bytes(self._wrapped)
        self._wrapped.clear()
        return self._tls.decrypt(rest)

    def _take(self, message: Message) -> None:
        """A whole message has come."""
        if self._phase is Phase.READY:
            self._take_request(message)
        elif self._phase is Phase.PRELOGIN and message.type == PacketType.PRELOGIN:
            self._take_prelogin(message)
        elif self._phase is Phase.LOGIN and message.type == PacketType.LOGIN7:
            if self._encrypts_login_only:
                self._tls = None  # the answer to the login is plain already
            self._start(self._log_in(message.payload))
        else:
            raise ProtocolError(f"a message of type {message.type} while waiting for {self._phase.name}")

    def _take_prelogin(self, message: Message) -> None:
        asked = parse_prelogin(message.payload)
        is_strict = self._tls is not None
        agreed = agree_on_encryption(self.server.encryption, asked.encryption)
        answer = prelogin_answer(self.server.version, agreed.answer, with_federated=asked.asks_federated)
        self.write(b"".join(packets_of(PacketType.REPLY, answer, spid=0, packet_size=DEFAULT_PACKET_SIZE)))
        if is_strict or agreed.scope == "nothing":
            self._phase = Phase.LOGIN
            return
        self._phase = Phase.HANDSHAKE
        self._tls = TlsChannel(self.server.certificate.inside_prelogin)
        self._encrypts_login_only = agreed.scope == "login"

    def _take_request(self, message: Message) -> None:
        if message.type == PacketType.ATTENTION:
            self._take_attention()
            return
        self._messages.append(message)
        self._next()

    def _take_attention(self) -> None:
        if self.task is None:
            self.acknowledge_attention()
            return
        self.attention = True
        if self.running:
            self.task.cancel()

    def acknowledge_attention(self) -> None:
        """Say that the client's Attention has come: a message of its own."""
        reply = self.new_reply()
        reply.acknowledge()
        self.send(reply)

    # -- tasks -----------------------------------------------------------------------------------------

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self.running = False
        self.task = asyncio.get_running_loop().create_task(work)
        self.task.add_done_callback(self._ended)

    def _next(self) -> None:
        """Run the next message, if none runs."""
        if self.task is None and self._messages and self._phase is Phase.READY:
            self._start(run_message(self, self._messages.popleft()))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.task = None
        self.running = False
        if not task.cancelled() and (exc := task.exception()) is not None:
            logger.error("connection_failed instance=%s", self.server.name, exc_info=exc)
            self.abort()
        if self._phase is Phase.CLOSED:
            self._leave()
            return
        if self.attention:  # it came when the last byte of the answer was on its way
            self.attention = False
            self._take_attention()
        self._next()

    def _leave(self) -> None:
        """Forget the connection; its session ends."""
        self.server.connections.discard(self)
        if self.session is not None:
            session, self.session = self.session, None
            session.close()

    # -- login -----------------------------------------------------------------------------------------

    async def _log_in(self, payload: bytes) -> None:
        self.running = True
        login = parse_login7_or_none(payload)
        if login is None:
            logger.info("connection_refused instance=%s reason=login_message", self.server.name)
            self.abort()
            return
        self.login_name, self.app_name = characters(login.user_name), characters(login.app_name)
        entry = self.server.trace.begin(self.server.name, "login", "")
        entry.login, entry.app_name, entry.database = self.login_name, self.app_name, login.database
        delay_s = self.server.faults.login_delay_s(self.server.name, self.login_name, self.app_name)
        try:
            if login.tds_version < TDS_VERSION_7_2:
                raise unknown_tsql("TDS before 7.2")
            if delay_s:
                entry.fault = "login_throttled"
                await asyncio.sleep(delay_s)
            self._open_session(login)
        except asyncio.CancelledError:
            self.server.trace.end(entry, "dropped")
            raise
        except SqlError as exc:
            entry.error = exc.number
            self.server.trace.end(entry, "error")
            self._refuse(login, exc)
            return
        entry.spid = self.spid
        self.server.trace.end(entry, "ok")
        self._welcome(login)

    def _refuse(self, login: Login7, error: SqlError) -> None:
        """Tell the client why it may not log in, in its own protocol, and close."""
        reply = self.new_reply()
        if login.tds_version < TDS_VERSION_7_2:
            told = (error.number, error.severity, error.state, error.message)
            reply.token(tokens.refused_before_7_2(*told, server=self.server.server_name))
        else:
            reply.error(error)
            reply.end()
        self.send(reply)
        self.close()

    def _open_session(self, login: Login7) -> None:
        """Raises SqlError when the client may not log in."""
        if login.integrated:
            raise sql_error(18452)
        instance = self.server.instance
        principal, database = instance.authenticate(
            login.user_name, login.password, login.database, client=self.client_address
        )
        session = Session(
            instance,
            principal,
            database,
            app_name=login.app_name,
            host_name=login.host_name,
            program=login.library,
        )
        session.on_kill = self.kill
        session.is_encrypted = self._tls is not None and not self._encrypts_login_only
        self.session = session
        self.spid = session.spid

    def _welcome(self, login: Login7) -> None:
        """The answer to a login that was accepted; the new packet size holds from the next message on."""
        assert self.session is not None
        size = negotiated_packet_size(login.packet_size)
        reply = self.new_reply()
        welcome(reply, self.server, login, database=self.session.database.name, packet_size=size)
        self.send(reply)
        self.packet_size = size
        self._phase = Phase.READY
        if self._login_timer is not None:
            self._login_timer.cancel()

    @property
    def client_address(self) -> str:
        """The client's address, as the error log names it."""
        peer = self._transport.get_extra_info("peername") if self._transport else None
        return str(peer[0]) if peer else ""

    # -- outgoing --------------------------------------------------------------------------------------

    def new_reply(self) -> Reply:
        """An empty reply of this instance."""
        return Reply(server_name=self.server.server_name, collation=self.server.collation)

    def send(self, reply: Reply, *, last: bool = True) -> None:
        """Send a reply's packets; without ``last`` only the full ones."""
        data = b"".join(reply.packets(spid=self.spid, packet_size=self.packet_size, last=last))
        if data:
            self.write(data)

    async def drained(self) -> None:
        """Wait until the client has taken what it was sent. Raises :class:`ClientGone`."""
        await self._writable.wait()
        if self.is_closed:
            raise ClientGone

    def write(self, data: bytes) -> None:
        """Send bytes, encrypted where that was agreed."""
        self._write_raw(self._tls.encrypt(data) if self._tls is not None else data)

    def _write_raw(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _send_alert(self) -> None:
        """Tell a client whose handshake failed why, where TLS has words for it."""
        if self._tls is None:
            return
        alert = self._tls.pending()
        if alert and self._phase is Phase.HANDSHAKE:
            alert = HEADER.pack(PacketType.PRELOGIN, 1, len(alert) + HEADER_SIZE, 0, 1, 0) + alert
        self._write_raw(alert)

    # -- ending ----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close when everything written has been sent."""
        self._phase = Phase.CLOSED
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Break the connection at once."""
        self._phase = Phase.CLOSED
        if self._transport is not None:
            self._transport.abort()

    def kill(self) -> None:
        """KILL or ROLLBACK IMMEDIATE ended the session: what runs hears error 596, then it closes."""
        if self.killed or self.is_closed:
            return
        self.killed = True
        if self.task is not None:
            if self.running:
                self.task.cancel()
        else:
            self.close()


def parse_login7_or_none(payload: bytes) -> Login7 | None:
    """The login message, None when it cannot be read."""
    try:
        return parse_login7(payload)
    except ProtocolError:
        return None
