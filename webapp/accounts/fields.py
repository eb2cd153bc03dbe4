"""What people may write into the fields of an account. Each function gives the value to keep, or raises
:class:`webapp.errors.InvalidInput` that names field, problem and remedy."""

from __future__ import annotations

import unicodedata

from email_validator import EmailNotValidError, validate_email

from webapp.accounts.passwords import LONGEST, SHORTEST
from webapp.errors import InvalidInput

LONGEST_EMAIL = 254
LONGEST_NAME = 100
LONGEST_TEXT = 1000
FEWEST_DIFFERENT = 5  # characters of a password
# Turn the order of what follows around: a name could look like another one.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def email_from(text: str | None) -> str:
    """An e-mail address as it is kept: lower case, the domain readable."""
    text = (text or "").strip()
    if not text:
        raise InvalidInput("email", "No e-mail address is given", "Give one such as name@example.com")
    if len(text) > LONGEST_EMAIL:
        raise InvalidInput("email", f"The address is longer than {LONGEST_EMAIL} characters")
    try:
        address = validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError as exc:
        problem = str(exc).rstrip(".")
        raise InvalidInput("email", problem, "Give one such as name@example.com") from None
    if len(address) > LONGEST_EMAIL:
        raise InvalidInput("email", f"The address is longer than {LONGEST_EMAIL} characters")
    return address


def name_from(text: str | None, *, field: str = "name") -> str:
    """A name on one line, 1 to 100 characters."""
    name = text_from(text, field=field, longest=LONGEST_NAME)
    if name is None:
        raise InvalidInput(field, "No name is given", "Write what colleagues should see")
    if any(character in "\t\n" for character in name):
        raise InvalidInput(field, "The name has a line break or a tab in it", "Write it on one line")
    return name


def text_from(text: str | None, *, field: str, longest: int = LONGEST_TEXT) -> str | None:
    """Text that may have several lines; None when there is nothing in it."""
    text = unicodedata.normalize("NFC", (text or "").replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(text) > longest:
        raise InvalidInput(field, f"This has {len(text)} characters", f"{longest} are possible")
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\n":
            raise InvalidInput(
                field,
                f"There is a control character in it (U+{ord(character):04X})",
                "Type the text instead of pasting it",
            )
        if character in _TURNING:
            raise InvalidInput(
                field,
                f"There is a character in it that turns the order of others around (U+{ord(character):04X})",
                "Leave it out",
            )
    return text or None


def required_text_from(text: str | None, *, field: str, longest: int = LONGEST_TEXT) -> str:
    """Text that must be there."""
    given = text_from(text, field=field, longest=longest)
    if given is None:
        raise InvalidInput(field, "Nothing is written here", "A sentence is enough")
    return given


def new_password_from(text: str | None, *, email: str | None = None) -> str:
    """A password that may be used from now on; ``email``: whose."""
    password = text or ""
    if len(password) < SHORTEST:
        raise InvalidInput(
            "password",
            f"The password has {len(password)} characters",
            f"Use {SHORTEST} or more: some unrelated words are good and easy to remember",
        )
    if len(password) > LONGEST:
        raise InvalidInput(
            "password", f"The password has {len(password)} characters", f"Use {LONGEST} at most"
        )
    if len(set(password)) < FEWEST_DIFFERENT:
        raise InvalidInput(
            "password",
            f"The password has fewer than {FEWEST_DIFFERENT} different characters",
            "Mix more of them",
        )
    if email and password.casefold() == email.casefold():
        raise InvalidInput(
            "password", "The password is the e-mail address", "Choose one that nobody can guess"
        )
    return password
