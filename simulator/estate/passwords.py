"""SQL login passwords: hashing, comparing, and the password policy.

Hash layout as LOGINPROPERTY(…, 'PasswordHash') gives it: since 2012 0x0200, 4 bytes of salt, SHA-512 of the
UTF-16LE password followed by the salt; since 2025 0x0300, 4 bytes of salt, 64 bytes of PBKDF2 with
HMAC-SHA-512 (Microsoft Learn, "LOGINPROPERTY" and "SQL Server encryption": RFC 2898, 100,000 iterations). The
rules are those of Microsoft Learn, "Password policy" and "Strong passwords".
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache

from simulator.utf16 import encoded

_HEADER = b"\x02\x00"  # SHA-512, since 2012
_ITERATED = b"\x03\x00"  # PBKDF2 with HMAC-SHA-512, since 2025
_ITERATIONS = 100_000
_SINCE = 17  # the major version that iterates
_KEPT = 256  # derived keys that are remembered: one costs a login some 50 ms
HASH_LENGTH = 70  # bytes
MAX_LENGTH = 128  # characters
MIN_LENGTH = 8  # characters, when the policy is checked


@lru_cache(maxsize=_KEPT)
def _iterated(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", encoded(password), salt, _ITERATIONS)


def hash_password(password: str, major: int) -> bytes:
    """A salted hash of the password as a server of version ``major`` makes it, 70 bytes."""
    salt = os.urandom(4)
    if major >= _SINCE:
        return _ITERATED + salt + _iterated(password, salt)
    return _HEADER + salt + hashlib.sha512(encoded(password) + salt).digest()


def is_hash(value: bytes, major: int = _SINCE) -> bool:
    """True if the value has the layout of a hash that a server of version ``major`` understands."""
    headers = (_HEADER, _ITERATED) if major >= _SINCE else (_HEADER,)
    return len(value) == HASH_LENGTH and value.startswith(headers)


def same_password(password: str, stored: bytes | None) -> bool:
    """PWDCOMPARE: does the clear text belong to the hash?"""
    if stored is None or not is_hash(stored):
        return False
    salt = stored[2:6]
    if stored.startswith(_ITERATED):
        return hmac.compare_digest(_iterated(password, salt), stored[6:])
    digest = hashlib.sha512(encoded(password) + salt).digest()
    return hmac.compare_digest(digest, stored[6:])


def policy_violation(password: str, login: str) -> int | None:
    """The number of the error that the password policy gives for this password, None when it is good.

    15116 too short, 15118 not complex: three of upper case, lower case, digits, others, and without the
    login's name.
    """
    if len(password) < MIN_LENGTH:
        return 15116
    classes = [
        any(c.isupper() for c in password),
        any(c.islower() for c in password),
        any(c.isdigit() for c in password),
        any(not c.isalnum() for c in password),
    ]
    contains_name = len(login) > 2 and login.lower() in password.lower()
    return 15118 if sum(classes) < 3 or contains_name else None
