"""Connection strings: each client reads back what went in, whatever characters it has."""

from __future__ import annotations

import re
import shlex

import pytest
from sqlalchemy import make_url

from webapp.applications.connections import (
    Endpoint,
    ado_net,
    connection_strings,
    jdbc,
    odbc,
    sqlalchemy,
    sqlcmd,
)
from webapp.applications.naming import draw_password

PLAIN = Endpoint("db.example.com", 1433, "shop_orders", "shop_app")
PASSWORDS = [
    "plain",
    "a;b",
    "a}b",
    "}}",
    "{a}",
    'a"b',
    "a'b",
    "a=b",
    " a ",
    "a@b/c?d#e%f&g",
    "ä€😀",
]


def _pairs(text: str, opening: str, closing: str) -> dict[str, str]:
    """Keywords and values; a value in ``opening`` and ``closing`` has its closing character doubled."""
    found, rest = {}, text
    while rest:
        keyword, _, rest = rest.partition("=")
        value = ""
        if rest.startswith(opening):
            rest = rest[1:]
            while not (rest.startswith(closing) and not rest.startswith(closing * 2)):
                step = 2 if rest.startswith(closing * 2) else 1
                value, rest = value + rest[0], rest[step:]
            rest = rest[1:].removeprefix(";")
        else:
            value, _, rest = rest.partition(";")
        found[keyword] = value
    return found


@pytest.mark.parametrize("password", PASSWORDS)
def test_every_client_gets_the_password_back(password: str) -> None:
    read = _pairs(odbc(PLAIN, password), "{", "}")
    assert (read["Pwd"], read["Encrypt"], read["TrustServerCertificate"]) == (password, "yes", "no")
    assert _pairs(ado_net(PLAIN, password), '"', '"')["Password"] == password
    address, _, properties = jdbc(PLAIN, password).partition(";")
    assert address == "jdbc:sqlserver://db.example.com:1433"
    assert _pairs(properties, "{", "}")["password"] == password
    url = make_url(sqlalchemy(PLAIN, password))
    assert (url.password, url.host, url.port, url.database) == (
        password,
        "db.example.com",
        1433,
        "shop_orders",
    )
    assert url.query["driver"] == "ODBC Driver 18 for SQL Server"


def test_drawn_passwords_have_every_class_and_nothing_that_breaks_a_connection_string() -> None:
    drawn = [draw_password() for _ in range(200)]
    assert len(set(drawn)) == 200
    for password in drawn:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_.+-]{31}", password)
        assert all(re.search(kind, password) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[_.+-]"))


def test_a_password_is_never_on_a_command_line() -> None:
    texts = {one.client: one.text for one in connection_strings(PLAIN, "Secret-1!")}
    assert list(texts) == ["ODBC", "ADO.NET", "JDBC", "SQLAlchemy", "sqlcmd"]
    assert "Secret-1!" not in texts["sqlcmd"]
    assert shlex.split(sqlcmd(PLAIN)) == [
        "sqlcmd", "-S", "tcp:db.example.com,1433", "-d", "shop_orders", "-U", "shop_app",
    ]  # fmt: skip


def test_named_instances_and_ipv6_addresses_are_written_as_each_client_wants() -> None:
    named = Endpoint("db\\SALES", None, "shop_orders", "shop_app")
    assert "Server=db\\SALES;" in odbc(named, "x")
    assert jdbc(named, "x").startswith("jdbc:sqlserver://db;instanceName=SALES;")
    ipv6 = Endpoint("2001:db8::1", 1433, "shop_orders", "shop_app", trusts_certificate=True)
    assert jdbc(ipv6, "x").startswith("jdbc:sqlserver://;serverName=2001:db8::1;portNumber=1433;")
    assert make_url(sqlalchemy(ipv6, "x")).host == "2001:db8::1"
    assert shlex.split(sqlcmd(ipv6))[-1] == "-C"
