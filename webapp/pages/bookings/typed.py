"""Requests as people type them: text of a form to the values that the operations take, and back.

What one field says by itself is refused here already, so that of two wrong fields the upper one is named;
whether it can be had at all is the operation's to say. Every reader raises
:class:`webapp.errors.InvalidInput` with the form's field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from werkzeug.datastructures import MultiDict

from webapp.applications.models import LoginRights
from webapp.applications.naming import check_database_name, check_login_name, check_name
from webapp.bookings.parameters import SMALLEST_MIB, too_small
from webapp.bookings.wishes import ApplicationWish, DatabaseWish, LoginWish, SizeWish
from webapp.errors import InvalidInput
from webapp.pools.models import PoolKind
from webapp.units import MIB_PER_GIB

# Six places: with three, which are coarser than a MiB, what a field shows would not be what it is read as.
_SIZE = re.compile(r"\d{1,7}(?:[.,]\d{1,6})?", re.ASCII)
_PLACES = Decimal("0.000001")


def mib_from_gib(text: str) -> int:
    """MiB from GiB as people type them (``10``, ``0.5``, ``1,5``). Not whether it fits."""
    text = text.strip()
    if not text:
        raise InvalidInput("size_gib", "The size is missing", "Type how many GiB, for instance 10.")
    if not _SIZE.fullmatch(text):
        raise InvalidInput(
            "size_gib", f"{text[:40]!r} is not a size in GiB", "Type a number, for instance 10 or 0.5."
        )
    mib = int(Decimal(text.replace(",", ".")) * MIB_PER_GIB)
    if mib < SMALLEST_MIB:
        raise too_small(f"{text} GiB")  # in the words that were typed
    return mib


def pool_kind_from(text: str) -> PoolKind:
    """The kind that is chosen."""
    try:
        return PoolKind(text)
    except ValueError:
        raise InvalidInput("kind", "Nothing is chosen", "Choose stand-alone.") from None


def rights_from(text: str) -> LoginRights:
    """What a login may do."""
    try:
        return LoginRights(text)
    except ValueError:
        raise InvalidInput(
            "rights", "No rights are chosen", "Choose reading and writing, or reading only."
        ) from None


def collation_from(text: str) -> str | None:
    """The collation that is chosen; None: the pool's default."""
    return text.strip() or None


def application_wish(typed: Mapping[str, str]) -> ApplicationWish:
    """The wizard's fields, and those of a request for an application that was sent back."""
    return ApplicationWish(
        name=check_name(typed.get("name", ""), field="name", what="application's name"),
        kind=pool_kind_from(typed.get("kind", "")),
        pool_id=typed.get("pool", "") or None,
        collation=collation_from(typed.get("collation", "")),
        database=check_database_name(typed.get("database", ""), field="database"),
        data_limit_mib=mib_from_gib(typed.get("size_gib", "")),
    )


def database_wish(typed: Mapping[str, str]) -> DatabaseWish:
    """The fields of one more database."""
    return DatabaseWish(
        database=check_database_name(typed.get("database", ""), field="database"),
        data_limit_mib=mib_from_gib(typed.get("size_gib", "")),
        collation=collation_from(typed.get("collation", "")),
    )


def size_wish(typed: Mapping[str, str]) -> SizeWish:
    """The field of another limit."""
    return SizeWish(mib_from_gib(typed.get("size_gib", "")))


def login_wish(typed: MultiDict[str, str]) -> LoginWish:
    """The fields of one more login; ``databases``: a field for each that is ticked."""
    return LoginWish(
        login=check_login_name(typed.get("login", ""), field="login"),
        rights=rights_from(typed.get("rights", "")),
        database_ids=tuple(typed.getlist("databases")),
    )


def size_fields(wish: SizeWish | DatabaseWish | ApplicationWish) -> dict[str, Any]:
    """A limit as its field shows it; :func:`mib_from_gib` reads the same limit."""
    gib = (Decimal(wish.data_limit_mib) / MIB_PER_GIB).quantize(_PLACES, ROUND_CEILING)
    text = f"{gib:f}"
    return {"size_gib": text.rstrip("0").rstrip(".")}


def database_fields(wish: DatabaseWish | ApplicationWish) -> dict[str, Any]:
    """A database as its fields show it."""
    return {"database": wish.database, "collation": wish.collation or "", **size_fields(wish)}


def application_fields(wish: ApplicationWish) -> dict[str, Any]:
    """An application as its fields show it."""
    return {"name": wish.name, "kind": wish.kind.value, "pool": wish.pool_id or "", **database_fields(wish)}


def login_fields(wish: LoginWish) -> dict[str, Any]:
    """A login as its fields show it; ``chosen``: ids of the databases that are ticked."""
    return {"login": wish.login, "rights": wish.rights.value, "chosen": list(wish.database_ids)}


@dataclass(frozen=True)
class RequestForm:
    """The fields of one ``RequestKind.form``: what they say, and how they show a wish."""

    read: Callable[[MultiDict[str, str]], Any]
    shown: Callable[[Any], dict[str, Any]]


# A template of templates/bookings/forms/ for each.
REQUEST_FORMS = {
    "application": RequestForm(application_wish, application_fields),
    "database": RequestForm(database_wish, database_fields),
    "login": RequestForm(login_wish, login_fields),
    "nothing": RequestForm(lambda _typed: None, lambda _wish: {}),
    "size": RequestForm(size_wish, size_fields),
}
