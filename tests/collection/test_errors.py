"""Errors: every driver's text becomes the same class, number and remedy."""

from __future__ import annotations

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils import _errors
from ansible_collections.sqlhosting.mssql.plugins.module_utils._driver_errors import (
    diagnostic,
    mapped_connect_error,
    mapped_statement_error,
    masked,
    message_from,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._error_numbers import KNOWN

MS = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"
FT = "[FreeTDS][SQL Server]"
MS_DRIVER = "[Microsoft][ODBC Driver 18 for SQL Server]"  # when the driver itself speaks


@pytest.mark.parametrize("prefix", [MS, FT])
@pytest.mark.parametrize("sqlstate", ["42000", "HY000", "40001"])
def test_number_and_text_are_found_in_both_drivers_messages(prefix: str, sqlstate: str) -> None:
    found = diagnostic(
        Exception(sqlstate, f"[{sqlstate}] {prefix}Database 'x (5)' exists. (1801) (SQLExecDirectW)")
    )
    assert (found.sqlstate, found.number, found.text) == (sqlstate, 1801, "Database 'x (5)' exists.")


def test_of_several_records_the_first_counts() -> None:
    text = (
        f"[42000] {MS}Cannot create file. (5170) (SQLExecDirectW); [42000] {MS}CREATE DATABASE failed. (1802)"
    )
    assert diagnostic(Exception("42000", text)).number == 5170


@pytest.mark.parametrize(
    "args", [(), ("no sqlstate",), ("HY000", "no number"), ("HY000", "driver (0) (SQLFetch)")]
)
def test_odd_exceptions_are_no_trouble(args: tuple[str, ...]) -> None:
    assert diagnostic(Exception(*args)).number is None


def test_messages_of_low_severity_are_taken_apart() -> None:
    assert message_from(("[01000] (5701)", f"{MS}Changed database context")) == {
        "number": 5701,
        "text": "Changed database context",
    }


def test_a_message_that_is_no_unicode_is_words_and_escapes() -> None:
    received = f"{MS}odd \ud83d name".encode("utf-16-le", "surrogatepass")
    assert message_from(("[01000] (0)", received)) == {"number": 0, "text": r"odd \ud83d name"}


@pytest.mark.parametrize("received", [b"o\x00d\x00d\x00=\xd8", b"o\x00d\x00d\x00=\xd8'\x00"])
def test_bytes_in_an_errors_text_are_decoded_as_far_as_can_be(received: bytes) -> None:
    """pyodbc puts the repr of bytes into the text when it cannot decode a diagnostic."""
    found = diagnostic(Exception("42000", f"[42000] {received!r} (50000) (SQLExecDirectW)"))
    assert found.text.startswith("odd\\ud83d")
    assert (found.number, "b'" in found.text, "\\x00" in found.text) == (50000, False, False)


@pytest.mark.parametrize(
    ("number", "kind", "retryable"),
    [
        (1801, _errors.ObjectExists, False),
        (5170, _errors.ObjectExists, False),
        (1807, _errors.InUse, True),
        (1803, _errors.Rejected, False),
        (911, _errors.DatabaseMissing, False),
        (5011, _errors.PermissionDenied, False),
        (15247, _errors.PermissionDenied, False),
        (3701, _errors.ObjectMissing, False),
        (3702, _errors.InUse, False),
        (952, _errors.DatabaseNotReady, True),
        (921, _errors.DatabaseNotReady, True),
        (1205, _errors.InUse, True),
        (1222, _errors.InUse, True),
        (942, _errors.DatabaseNotReady, False),
        (927, _errors.DatabaseNotReady, False),
        (5149, _errors.OutOfSpace, False),
        (9002, _errors.OutOfSpace, False),
        (15025, _errors.ObjectExists, False),
        (15118, _errors.Rejected, False),
        (15404, _errors.StatementFailed, True),
        (15434, _errors.InUse, False),
        (41131, _errors.DatabaseNotReady, True),
        (41140, _errors.Rejected, False),
        (18456, _errors.LoginFailed, False),
        (50000, _errors.StatementFailed, False),
    ],
)
def test_a_number_decides_class_and_retry(number: int, kind: type, retryable: bool) -> None:
    error = mapped_statement_error(Exception("42000", f"[42000] {FT}text ({number}) (SQLExecDirectW)"))
    assert type(error) is kind
    assert (error.number, error.retryable) == (number, retryable)


def test_every_known_number_has_a_remedy() -> None:
    assert len(KNOWN) > 150
    for number, known in KNOWN.items():
        assert known.remedy.endswith((".", ")")), number
        assert issubclass(known.kind, _errors.MssqlError)


def test_retrying_never_follows_a_refused_login() -> None:
    assert not any(known.retryable for known in KNOWN.values() if issubclass(known.kind, _errors.LoginFailed))


@pytest.mark.parametrize(
    ("sqlstate", "text"),
    [
        (
            "08S01",
            f"[08S01] {MS_DRIVER}TCP Provider: Error code 0x2746 (10054) (SQLExecDirectW)",
        ),
        (
            "08S01",
            f"[08S01] {MS_DRIVER}Communication link failure (0) (SQLExecDirectW)",
        ),
        ("01000", "[01000] [FreeTDS][SQL Server]Unexpected EOF from the server (20017) (SQLExecDirectW)"),
        ("HY000", "[HY000] [FreeTDS][SQL Server]Write to the server failed (20006) (SQLExecDirectW)"),
        (
            "HYT00",
            f"[HYT00] {MS_DRIVER}Query timeout expired (0) (SQLExecDirectW)",
        ),
        ("HYT00", "[HYT00] [FreeTDS][SQL Server]Timeout expired (0) (SQLExecDirectW)"),
    ],
)
def test_after_a_broken_link_a_change_is_unknown_and_a_read_is_lost(sqlstate: str, text: str) -> None:
    assert isinstance(mapped_statement_error(Exception(sqlstate, text)), _errors.OutcomeUnknown)
    assert isinstance(
        mapped_statement_error(Exception(sqlstate, text), changes=False), _errors.ConnectionLost
    )


@pytest.mark.parametrize(
    ("sqlstate", "text", "kind"),
    [
        ("28000", f"[28000] {MS}Login failed for user 'sa'. (18456) (SQLDriverConnect)", _errors.LoginFailed),
        ("42000", f"[42000] {FT}Login failed for user 'sa'. (18456) (SQLDriverConnect)", _errors.LoginFailed),
        (
            "28000",
            "[28000] [x]Not associated with a trusted connection (0) (SQLDriverConnect)",
            _errors.LoginFailed,
        ),
        (
            "01000",
            "[01000] [unixODBC][Driver Manager]Can't open lib 'x' : file not found (0)",
            _errors.DriverMissing,
        ),
        (
            "IM002",
            "[IM002] [Microsoft][ODBC Driver Manager] Data source name not found",
            _errors.DriverMissing,
        ),
        (
            "08001",
            "[08001] [x]SSL Provider: certificate verify failed (-1)",
            _errors.CertificateNotTrusted,
        ),
        ("HYT00", "[HYT00] [x]Login timeout expired (0) (SQLDriverConnect)", _errors.ConnectionFailed),
        (
            "08001",
            f"[08001] {FT}Unable to connect to data source (0) (SQLDriverConnect)",
            _errors.ConnectionFailed,
        ),
    ],
)
def test_failures_to_connect(sqlstate: str, text: str, kind: type) -> None:
    error = mapped_connect_error(Exception(sqlstate, text), driver="x", options={"login_password": "pw"})
    assert type(error) is kind
    assert error.remedy


def test_a_message_tells_where_what_and_what_to_do() -> None:
    error = _errors.ObjectExists(
        "Database 'shop' already exists.",
        number=1801,
        instance="127.0.0.1,1433",
        inventory_host="sql01",
        database="master",
        remedy="Choose another name.",
    )
    assert str(error) == (
        "sql01 (127.0.0.1,1433), database [master]: Database 'shop' already exists (error 1801). "
        "Choose another name."
    )
    assert error.as_dict()["kind"] == "ObjectExists"


def test_secrets_are_masked_plain_and_quoted() -> None:
    assert masked("near 'it''s' and it's", ("it's", "")) == "near '<secret>' and <secret>"
