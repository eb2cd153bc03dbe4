"""Names of applications, their databases and logins, taken and free again; SIDs and passwords.

The same rules as the collection's (module_utils/application/belongings.py): what passes here, passes there.
"""

from __future__ import annotations

import re
import secrets
import string

from webapp.applications.models import Application, ApplicationDatabase, ApplicationLogin, ApplicationState
from webapp.errors import InvalidInput

NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")
NAME_LENGTH = 50  # characters; two names, "_" and the mark of a deleted database fit into SQL Server's 123
MAIN_LOGIN, OWNER_LOGIN = "app", "owner"  # what the names of an application's own two logins end in
RESERVED_DATABASES = ("master", "model", "msdb", "tempdb")

PASSWORD_LENGTH = 32
# No quote, brace, semicolon, equals or at sign: each means something in one or another connection string.
PASSWORD_SYMBOLS = "-_.+"
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, PASSWORD_SYMBOLS)


def check_name(value: str, *, field: str, what: str) -> str:
    """``value`` without blanks around it. Raises :class:`InvalidInput` when it names no ``what``."""
    value = value.strip()
    if not value:
        raise InvalidInput(field, f"The {what} is missing", "Type one, for instance shop.")
    if len(value) > NAME_LENGTH:
        raise InvalidInput(
            field,
            f"The {what} has {len(value)} characters, at most {NAME_LENGTH} are possible",
            "Choose a shorter one.",
        )
    if not NAME.fullmatch(value) or "__" in value:
        raise InvalidInput(
            field,
            f"The {what} {value!r} is not usable",
            "Use letters (A–Z, a–z), digits and single underscores, beginning with a letter and not ending "
            "with an underscore.",
        )
    return value


def check_database_name(value: str, *, field: str) -> str:
    """As :func:`check_name`; SQL Server's own names are refused too."""
    value = check_name(value, field=field, what="database's name")
    if value.lower() in RESERVED_DATABASES:
        raise InvalidInput(field, f"SQL Server itself has a database called {value}", "Choose another name.")
    return value


def check_login_name(value: str, *, field: str) -> str:
    """As :func:`check_name`; the names of an application's own two logins are refused too."""
    value = check_name(value, field=field, what="login's name")
    if value.lower() in (MAIN_LOGIN, OWNER_LOGIN):
        raise InvalidInput(field, f"Every application has a login {value} already", "Choose another name.")
    return value


def is_taken(row: Application | ApplicationDatabase | ApplicationLogin) -> bool:
    """Whether the row still holds its name."""
    return row.name_key == row.name.lower()


def free_name(row: Application | ApplicationDatabase | ApplicationLogin, state: ApplicationState) -> None:
    """Put ``row`` into ``state`` and let its name be booked again."""
    row.state = state
    row.name_key = f"{row.name.lower()}-{row.id}"  # no name holds a hyphen


def draw_sid() -> str:
    """A SID for a new login: ``0x`` and 32 hexadecimal digits."""
    return "0x" + secrets.token_hex(16).upper()


def draw_password() -> str:
    """A password with every class that SQL Server's policy counts, safe in all connection strings."""
    characters = "".join(_CLASSES)
    while True:
        # A letter first: some clients take a leading "-" or "+" for something else.
        drawn = secrets.choice(string.ascii_letters) + "".join(
            secrets.choice(characters) for _ in range(PASSWORD_LENGTH - 1)
        )
        if all(any(character in kind for character in drawn) for kind in _CLASSES):
            return drawn
