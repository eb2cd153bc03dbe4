"""The answer to a login that was accepted (MS-TDS 2.2.6.4, 2.2.7.14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.server.reply import Reply
from simulator.tds import tokens
from simulator.tds.login7 import FEATURE_UTF8, Login7
from simulator.tds.packets import DEFAULT_PACKET_SIZE
from simulator.tds.tokens import Change

if TYPE_CHECKING:
    from simulator.server.listener import InstanceServer

LANGUAGE = "us_english"
UTF8_SUPPORTED = b"\x01"


def welcome(reply: Reply, server: InstanceServer, login: Login7, *, database: str, packet_size: int) -> None:
    """Put the tokens into ``reply``: database, collation, language, version, packet size, features.

    Drivers take SQL_SERVER_NAME from the messages and SQL_DBMS_VER from LOGINACK. Only features that the
    client asked for may be acknowledged.
    """
    name = server.server_name
    changed_database = f"Changed database context to '{database}'."
    changed_language = f"Changed language setting to {LANGUAGE}."
    reply.token(tokens.text_change(Change.DATABASE, database, "master"))
    reply.token(tokens.message(5701, 0, 2, changed_database, server=name))
    reply.token(tokens.collation_change(server.collation))
    reply.token(tokens.text_change(Change.LANGUAGE, LANGUAGE, ""))
    reply.token(tokens.message(5703, 0, 1, changed_language, server=name))
    reply.token(tokens.login_acknowledged(server.version, login.tds_version))
    reply.token(tokens.text_change(Change.PACKET_SIZE, str(packet_size), str(DEFAULT_PACKET_SIZE)))
    if FEATURE_UTF8 in login.features:
        reply.token(tokens.features_acknowledged({FEATURE_UTF8: UTF8_SUPPORTED}))
    reply.end()
