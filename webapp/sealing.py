"""Sealed values: passwords in the platform database, encrypted with keys that it does not hold.

The process has one :class:`Box`, set at start; the column type :class:`Sealed` uses it. Key rotation: put the
new key first in SQLHOSTING_ENCRYPTION_KEYS, restart, run ``sqlhosting key rotate``, drop the old key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator


class SealingError(Exception):
    """A sealed value does not open with the keys at hand, or there is no key."""


def canonical(document: Any) -> bytes:
    """The one JSON form of ``document``, to be signed or hashed."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


class Box:
    """Seals with the first key, opens with all, and signs with a key derived from each."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._newest = Fernet(keys[0])
        self._signing = [_derived(key) for key in keys]

    def seal(self, text: str, *, purpose: str = "") -> str:
        """The sealed form of ``text``, which opens for the same ``purpose`` only."""
        return self._newest.encrypt(f"{purpose}\0{text}".encode()).decode("ascii")

    def open(self, sealed: str, *, purpose: str = "") -> str:
        """The text that was sealed for ``purpose``. Raises :class:`SealingError`."""
        try:
            found, separator, text = (
                self._fernet.decrypt(sealed.encode("ascii")).decode("utf-8").partition("\0")
            )
            if not separator or found != purpose:
                raise InvalidToken
            return text
        except (InvalidToken, UnicodeError):
            raise SealingError(
                "a sealed value does not open with the keys in SQLHOSTING_ENCRYPTION_KEYS: the key that "
                "sealed it is missing, or the value was changed. Add the old key behind the new one."
            ) from None

    def sign(self, message: bytes) -> str:
        """An HMAC-SHA256 over ``message`` in hexadecimal, by the newest key."""
        return hmac.new(self._signing[0], message, hashlib.sha256).hexdigest()

    def is_signed(self, message: bytes, signature: str) -> bool:
        """Whether one of the keys made ``signature`` over ``message``."""
        given = signature.encode("utf-8", "surrogatepass")  # of text compare_digest takes ASCII only
        return any(
            hmac.compare_digest(hmac.new(key, message, hashlib.sha256).hexdigest().encode("ascii"), given)
            for key in self._signing
        )


def _derived(key: str) -> bytes:
    """A key for signing that tells nothing about the one for sealing."""
    hkdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"sqlhosting approval signature v1")
    return hkdf.derive(key.encode("ascii"))


_box: Box | None = None


def use_box(box: Box) -> None:
    """Seal and open with ``box`` from now on in this process."""
    global _box  # noqa: PLW0603 - column types have no other way to a key that is known at start only
    _box = box


def the_box() -> Box:
    """The process's box. Raises :class:`SealingError` when none was set."""
    if _box is None:
        raise SealingError("no encryption key is in use; call use_box first")
    return _box


class Sealed(TypeDecorator[str]):
    """A text column whose database form is sealed for ``purpose``: its table and name.

    So a value that somebody copies into another column does not open there. Otherwise who can write to the
    database could have the portal show an elevated account's password as the one of their own login.
    """

    impl = Text
    cache_ok = True

    def __init__(self, purpose: str = "") -> None:
        self.purpose = purpose
        super().__init__()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else the_box().seal(value, purpose=self.purpose)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else the_box().open(value, purpose=self.purpose)
