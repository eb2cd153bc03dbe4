"""How clients connect: a connection string for each, with the escaping that each wants. Pure.

Sources, on Microsoft Learn: "DSN and connection string keywords" (ODBC Driver for SQL Server),
SqlConnection.ConnectionString (ADO.NET), "Building the connection URL" (JDBC), "sqlcmd utility"; and
"Database URLs" in SQLAlchemy's manual.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

ODBC_DRIVER = "ODBC Driver 18 for SQL Server"
PLACEHOLDER = "YOUR_PASSWORD"
_PLAIN = re.compile(r"[A-Za-z0-9_.:,\\/-]*")


@dataclass(frozen=True)
class Endpoint:
    """Where a database is, and who logs in."""

    host: str  # a name, an address, or HOST\\INSTANCE without a port
    port: int | None
    database: str
    login: str
    trusts_certificate: bool = False  # nobody the client knows has signed the instance's certificate

    @property
    def server(self) -> str:
        """As ODBC, ADO.NET and sqlcmd write it."""
        return f"tcp:{self.host},{self.port}" if self.port else self.host


@dataclass(frozen=True)
class ConnectionString:
    """One client's way to connect."""

    client: str
    text: str


def connection_strings(endpoint: Endpoint, password: str | None = None) -> list[ConnectionString]:
    """For every client that the portal knows. Without a password they hold :data:`PLACEHOLDER`."""
    password = PLACEHOLDER if password is None else password
    return [
        ConnectionString("ODBC", odbc(endpoint, password)),
        ConnectionString("ADO.NET", ado_net(endpoint, password)),
        ConnectionString("JDBC", jdbc(endpoint, password)),
        ConnectionString("SQLAlchemy", sqlalchemy(endpoint, password)),
        ConnectionString("sqlcmd", sqlcmd(endpoint)),
    ]


def odbc(endpoint: Endpoint, password: str) -> str:
    """Keywords with values in braces where they need them; a closing brace in one is doubled."""
    return ";".join(
        (
            f"Driver={{{ODBC_DRIVER}}}",
            f"Server={_braced(endpoint.server)}",
            f"Database={_braced(endpoint.database)}",
            f"Uid={_braced(endpoint.login)}",
            f"Pwd={_braced(password)}",
            "Encrypt=yes",
            f"TrustServerCertificate={'yes' if endpoint.trusts_certificate else 'no'}",
        )
    )


def ado_net(endpoint: Endpoint, password: str) -> str:
    """Keywords with values in double quotes where they need them; a double quote in one is doubled."""
    return ";".join(
        (
            f"Server={_quoted(endpoint.server)}",
            f"Database={_quoted(endpoint.database)}",
            f"User ID={_quoted(endpoint.login)}",
            f"Password={_quoted(password)}",
            "Encrypt=True",
            f"TrustServerCertificate={endpoint.trusts_certificate}",
        )
    )


def jdbc(endpoint: Endpoint, password: str) -> str:
    """Properties behind the address; an IPv6 address is a property, because its colons look like a port."""
    host, _, instance = endpoint.host.partition("\\")
    properties = [
        f"databaseName={_braced(endpoint.database)}",
        f"user={_braced(endpoint.login)}",
        f"password={_braced(password)}",
        "encrypt=true",
        f"trustServerCertificate={'true' if endpoint.trusts_certificate else 'false'}",
    ]
    if instance:
        properties.insert(0, f"instanceName={_braced(instance)}")
    if ":" in host:
        address = ""
        properties.insert(0, f"serverName={host}")
        if endpoint.port:
            properties.insert(1, f"portNumber={endpoint.port}")
    else:
        address = f"{host}:{endpoint.port}" if endpoint.port else host
    return f"jdbc:sqlserver://{address};{';'.join(properties)}"


def sqlalchemy(endpoint: Endpoint, password: str) -> str:
    """A URL; everything that is not a letter or digit is percent-encoded."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    address = f"{host}:{endpoint.port}" if endpoint.port else host
    trust = "yes" if endpoint.trusts_certificate else "no"
    return (
        f"mssql+pyodbc://{quote(endpoint.login, safe='')}:{quote(password, safe='')}@{address}"
        f"/{quote(endpoint.database, safe='')}"
        f"?driver={quote_plus(ODBC_DRIVER)}&Encrypt=yes&TrustServerCertificate={trust}"
    )


def sqlcmd(endpoint: Endpoint) -> str:
    """A command that asks for the password: on a command line everybody on the machine could read it."""
    arguments = ["sqlcmd", "-S", endpoint.server, "-d", endpoint.database, "-U", endpoint.login]
    if endpoint.trusts_certificate:
        arguments.append("-C")
    return shlex.join(arguments)


def _braced(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else "{" + value.replace("}", "}}") + "}"


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else '"' + value.replace('"', '""') + '"'
