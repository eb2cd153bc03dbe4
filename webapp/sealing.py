"""Sealed values: passwords in the platform database, encrypted with keys that it does not hold.

The process has one :class:`Box`, set at start; the attributes that are :class:`Sealed` use it. Key rotation:
put the new key first in SQLHOSTING_ENCRYPTION_KEYS, restart, run ``sqlhosting key rotate``, drop the old key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any, overload

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from webapp.database import new_id


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


class Sealed:
    """An attribute whose value is kept in ``column`` sealed for its table, its name and its row's id.

    So a value that somebody copies into another column or another row does not open there. Otherwise who can
    write to the database could have the portal show an elevated account's password, or another customer's,
    as the one of their own login. A row without an id gets one: give it first where it is given.
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, row: None, owner: type) -> Sealed: ...
    @overload
    def __get__(self, row: object, owner: type) -> Any: ...
    def __get__(self, row: Any, owner: type) -> Any:
        """The text, None where there is none. Raises :class:`SealingError`."""
        if row is None:
            return self
        sealed = getattr(row, self.column)
        return None if sealed is None else the_box().open(sealed, purpose=self.purpose(row))

    def __set__(self, row: Any, text: str | None) -> None:
        if row.id is None:
            row.id = new_id()
        setattr(row, self.column, None if text is None else the_box().seal(text, purpose=self.purpose(row)))

    def purpose(self, row: Any) -> str:
        """What a value of ``row`` is sealed for."""
        return f"{row.__tablename__}.{self.name}:{row.id}"


def sealed_attributes(kind: type) -> list[Sealed]:
    """The sealed attributes of a table's class."""
    return [one for one in vars(kind).values() if isinstance(one, Sealed)]
