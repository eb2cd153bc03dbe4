"""Portal passwords: Argon2id by argon2-cffi, with its recommended parameters."""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

SHORTEST = 12
LONGEST = 200

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """A hash to compare with, so that an unknown address takes as long as a wrong password."""
    return _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    """The hash to keep."""
    return _hasher.hash(_normal(password))


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether ``password`` is the one behind ``password_hash``; None takes the same time and is False."""
    try:
        return _hasher.verify(password_hash or _nobody(), _normal(password)) and password_hash is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


def _normal(password: str) -> bytes:
    """The same bytes from every keyboard (NIST SP 800-63B, 3.1.1.2: NFKC before hashing)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
