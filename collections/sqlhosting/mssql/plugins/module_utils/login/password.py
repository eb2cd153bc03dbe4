# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules for SIDs and passwords that are known before the server is asked."""

from __future__ import annotations

import re
import uuid

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput

MIN_PASSWORD = 8  # characters; "Password policy" on Microsoft Learn
MAX_PASSWORD = 128  # characters; CREATE LOGIN on Microsoft Learn
NEEDED_CLASSES = 3  # of upper case, lower case, digits, other
MIN_NAME_TO_COMPARE = 3  # shorter login names may be part of a password (Windows' complexity rule)
_HEX = re.compile(r"(0[xX])?[0-9A-Fa-f]{32}")
_SID_REMEDY = "Give a GUID, or 0x and 32 hexadecimal digits; make it once and use the same on every replica."


def normalise_sid(value: str | None) -> str | None:
    """``0x`` and 32 upper-case hexadecimal digits from a GUID or hexadecimal digits; None for None.

    A GUID's bytes are ordered as SQL Server converts a uniqueidentifier to binary(16): the first three groups
    little-endian. Raises :class:`InvalidInput`.
    """
    if value is None:
        return None
    text = value.strip()
    if _HEX.fullmatch(text):
        digits = text[-32:].upper()
    else:
        try:
            digits = uuid.UUID(text).bytes_le.hex().upper()
        except ValueError:
            raise InvalidInput(field="sid", problem=f"{value!r} is not a SID", remedy=_SID_REMEDY) from None
    if not digits.strip("0"):
        raise InvalidInput(field="sid", problem="all bytes are zero", remedy=_SID_REMEDY)
    return "0x" + digits


def check_possible_password(password: str) -> None:
    """Refuse what no policy setting would let through. The message never holds the password."""
    if not password:
        raise InvalidInput(field="password", problem="the password is empty", remedy=_password_remedy())
    if len(password.encode("utf-16-le", "surrogatepass")) // 2 > MAX_PASSWORD:
        raise InvalidInput(
            field="password",
            problem=f"the password has more than {MAX_PASSWORD} characters",
            remedy="Shorten it.",
        )
    if any(ord(character) < 32 for character in password):
        raise InvalidInput(
            field="password", problem="the password holds a control character", remedy="Choose another."
        )


def check_password_policy(password: str, login: str) -> None:
    """Refuse what CHECK_POLICY = ON refuses (15116, 15118). The message never holds the password."""
    problem = None
    if len(password) < MIN_PASSWORD:
        problem = f"the password has fewer than {MIN_PASSWORD} characters"
    elif len(login) >= MIN_NAME_TO_COMPARE and login.lower() in password.lower():
        problem = "the password holds the login's name"
    elif _classes(password) < NEEDED_CLASSES:
        problem = f"the password has fewer than {NEEDED_CLASSES} of upper case, lower case, digits and others"
    if problem:
        raise InvalidInput(
            field="password", problem=f"{problem}, and check_policy is on", remedy=_password_remedy()
        )


def _classes(password: str) -> int:
    return sum(
        (
            any(character.isupper() for character in password),
            any(character.islower() for character in password),
            any(character.isdigit() for character in password),
            any(not character.isalnum() for character in password),
        )
    )


def _password_remedy() -> str:
    return (
        f"Choose {MIN_PASSWORD} to {MAX_PASSWORD} characters of {NEEDED_CLASSES} of the four classes, "
        "without the login's name."
    )
