# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turn what pyodbc raises into our errors. The only place that reads a driver's text.

pyodbc's exceptions are ``(sqlstate, text)``; the native number stands only in the text, ``…message (1801)
(SQLExecDirectW)``. On Linux and macOS only the first diagnostic record is kept; on Windows all are joined.
Severity and state do not come through ODBC. SQLSTATEs differ between drivers, so numbers decide first.
"""

from __future__ import annotations

import ast
import re

from ansible_collections.sqlhosting.mssql.plugins.module_utils._error_numbers import KNOWN
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    CertificateNotTrusted,
    ConnectionFailed,
    ConnectionLost,
    DriverMissing,
    LoginFailed,
    MssqlError,
    OutcomeUnknown,
    StatementFailed,
)

_NUMBER = re.compile(r"\((-?\d+)\) \(SQL\w+\)")
_PREFIX = re.compile(r"^(\[[^\]]*\]\s*)+")
_MESSAGE_STATE = re.compile(r"\[(\w{5})\] \((-?\d+)\)")
# FreeTDS's own numbers (sybdb.h): unexpected EOF, read failed, write failed, dead process, time-out.
_FREETDS_BROKEN = frozenset((20003, 20004, 20006, 20017, 20047))
_BROKEN_STATES = frozenset(("08S01", "08003", "08007", "01002"))
_TIMEOUT_STATES = frozenset(("HYT00", "HYT01"))
_BROKEN_TEXT = re.compile(
    r"communication link failure|unexpected eof|connection is (?:dead|closed|broken)|not connected",
    re.IGNORECASE,
)
_CERTIFICATE_TEXT = re.compile(r"certificate|ssl provider|ssl_|handshake|encryption", re.IGNORECASE)
REACH_REMEDY = "Check login_host, login_port or login_instance, the network and that the instance is running."
_LOST_REMEDY = "Look whether the instance is running and query_timeout long enough, then run again."
_CERTIFICATE_REMEDY = (
    "Have the server's certificate signed by an authority that this machine trusts (SSL_CERT_FILE names a "
    "bundle) "
    "and naming login_host; only for a lab: trust_server_certificate: true."
)
_NO_DRIVER_STATES = frozenset(("IM002", "IM003", "IM004"))


_UNREADABLE = "the server answered with text that cannot be decoded"
_UNREADABLE_REMEDY = (
    "A name or text on the instance is no valid Unicode (half of a surrogate pair): rename it there; the "
    "instance's own tools show which it is."
)
_UNSENDABLE_REMEDY = "Give names and texts that are valid Unicode."
_NO_TEXT = "The driver did not supply an error!"  # pyodbc's own words when a diagnostic cannot be fetched
_NO_TEXT_WORDS = "the server answered with an error whose text the driver could not decode"
_BYTES = re.compile(r"""\bb'(?:[^'\\]|\\.)*'|\bb"(?:[^"\\]|\\.)*\"""")  # what pyodbc makes of bytes in a text


def readable(value: object, encoding: str = "utf-16-le") -> str:
    """Driver text for people: bytes decoded as far as can be, and what is no text or cannot be shown escaped.

    Line ends and tabs stay. ``encoding`` is that of bytes; ODBC's own is UTF-16.
    """
    if isinstance(value, (bytes, bytearray)):
        errors = "surrogatepass" if "16" in encoding else "backslashreplace"
        even = len(value) // 2 * 2 if "16" in encoding else len(value)
        text = bytes(value[:even]).decode(encoding, errors)
        value = text + "".join(f"\\x{byte:02x}" for byte in value[even:])
    return "".join(_escaped(character) for character in str(value))


def _escaped(character: str) -> str:
    if character.isprintable() or character in "\n\r\t\u3000\xa0":
        return character
    return character.encode("unicode_escape").decode("ascii")


def _decoded(match: re.Match) -> str:
    """The text behind the repr of bytes, where they are UTF-16; else as it stands."""
    value = ast.literal_eval(match.group())
    return readable(value) if len(value) > 1 and len(value) % 2 == 0 else match.group()


class Diagnostic:
    """One diagnostic record: ``sqlstate``, SQL Server's ``number`` (None when the driver speaks) and the bare
    text.
    """

    def __init__(self, sqlstate: str | None, number: int | None, text: str) -> None:
        self.sqlstate = sqlstate
        self.number = number
        self.text = text


def diagnostic(exc: BaseException) -> Diagnostic:
    """What the exception says, without the driver's prefixes.

    Text that is no Unicode (half of a surrogate pair in a name or a message) reaches us as pyodbc's own
    UnicodeDecodeError, as bytes, or, from Microsoft's driver, as an error without any text.
    """
    if isinstance(exc, UnicodeDecodeError):
        return Diagnostic(None, None, f"{_UNREADABLE}: {readable(exc.object, exc.encoding)}")
    if isinstance(exc, UnicodeEncodeError):
        # Not the whole of it: that is the statement, and may hold a secret.
        half = readable(exc.object[exc.start : exc.end])
        return Diagnostic(None, None, f"the statement holds text that cannot be sent: {half}")
    arguments = [readable(argument) for argument in exc.args]
    sqlstate = arguments[0] if len(arguments) > 1 and len(arguments[0]) == 5 else None
    text = arguments[1] if len(arguments) > 1 else (arguments[0] if arguments else readable(str(exc)))
    text = _BYTES.sub(_decoded, text)
    if _NO_TEXT in text:
        text = f"{text.replace(_NO_TEXT, _NO_TEXT_WORDS)}"
    match = _NUMBER.search(text)
    number = int(match.group(1)) if match else None
    if match:
        text = text[: match.start()]
    # Drivers number their own troubles 0 or -1; only what is positive is SQL Server's or FreeTDS's number.
    return Diagnostic(sqlstate, number if number and number > 0 else None, _bare(text))


def message_from(record: tuple) -> dict:
    """A row of ``cursor.messages`` as {number, text}."""
    head, text = readable(record[0]), readable(record[1])
    match = _MESSAGE_STATE.search(head)
    return {"number": int(match.group(2)) if match else None, "text": _bare(text)}


def mapped_statement_error(
    exc: BaseException, *, changes: bool = True, masks: tuple = (), **where
) -> MssqlError:
    """The error of a statement that was sent. ``masks`` are secrets to take out of the server's text.

    ``changes``: after a broken link nobody knows whether it took effect; a read may simply be repeated.
    """
    found = diagnostic(exc)
    text = masked(found.text, masks)
    facts = dict(where, sqlstate=found.sqlstate, number=found.number)
    if isinstance(exc, UnicodeError) or _NO_TEXT_WORDS in text:
        remedy = _UNSENDABLE_REMEDY if isinstance(exc, UnicodeEncodeError) else _UNREADABLE_REMEDY
        return StatementFailed(text, remedy=remedy, **facts)
    known = KNOWN.get(found.number or 0)
    if known is not None:
        return known.kind(text, remedy=known.remedy, retryable=known.retryable, **facts)
    if not changes and (_is_broken(found) or found.sqlstate in _TIMEOUT_STATES):
        return ConnectionLost(f"the connection broke while reading: {text}", remedy=_LOST_REMEDY, **facts)
    if _is_broken(found):
        return OutcomeUnknown(
            f"the connection broke while the statement ran: {text}",
            remedy="It may or may not have taken effect; run again, the modules look before they change.",
            **facts,
        )
    if found.sqlstate in _TIMEOUT_STATES or found.number == 20003:
        return OutcomeUnknown(
            f"the statement did not end within query_timeout: {text}",
            remedy="It may or may not have taken effect; raise query_timeout (0: no limit) and run again.",
            **facts,
        )
    return StatementFailed(text, **facts)


def mapped_connect_error(
    exc: BaseException, *, driver: str, options: dict, verified: bool = False
) -> MssqlError:
    """The error of a failed attempt to connect. ``verified``: FreeTDS was asked to check the certificate.

    FreeTDS says no more than "Unable to connect to data source" when the certificate is not trusted; the "
                              "caller
    has made sure that the port answers.
    """
    found = diagnostic(exc)
    text = masked(found.text, (options.get("login_password") or "",))
    facts = {"sqlstate": found.sqlstate, "number": found.number}
    if found.sqlstate in _NO_DRIVER_STATES or "can't open lib" in text.lower():
        return DriverMissing(
            f"the ODBC driver {driver} cannot be loaded: {text}",
            remedy="Install it, or name another by odbc_driver; 'odbcinst -q -d' lists the registered "
            "drivers.",
            **facts,
        )
    known = KNOWN.get(found.number or 0)
    if known is not None:
        return known.kind(text, remedy=known.remedy, retryable=known.retryable, **facts)
    if _CERTIFICATE_TEXT.search(text):
        return CertificateNotTrusted(f"no encrypted connection: {text}", remedy=_CERTIFICATE_REMEDY, **facts)
    if verified and found.number is None and found.sqlstate in ("08001", "08S01"):
        return CertificateNotTrusted(
            f"no encrypted connection: {text}; the port answers, so most likely the certificate is not "
            f"trusted",
            remedy=_CERTIFICATE_REMEDY,
            **facts,
        )
    if found.sqlstate == "28000":
        return LoginFailed(text, remedy=KNOWN[18456].remedy, **facts)
    return ConnectionFailed(f"no connection: {text}", remedy=REACH_REMEDY, retryable=True, **facts)


def masked(text: str, secrets: tuple) -> str:
    """``text`` without the secrets, plain or with ``'`` doubled."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        for form in (secret.replace("'", "''"), secret):
            text = text.replace(form, "<secret>")
    return text


def _bare(text: str) -> str:
    """Without ``[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]``."""
    return _PREFIX.sub("", text.strip()).strip()


def _is_broken(found: Diagnostic) -> bool:
    return (
        found.sqlstate in _BROKEN_STATES
        or (found.number in _FREETDS_BROKEN and found.number != 20003)
        or bool(_BROKEN_TEXT.search(found.text))
    )
