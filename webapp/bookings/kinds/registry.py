"""The kinds of request of this process. ``webapp/registry.py`` lists them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from webapp.bookings.kinds.base import RequestKind
from webapp.bookings.models import Booking

_kinds: dict[str, RequestKind[Any]] = {}


def use_request_kinds(kinds: Iterable[RequestKind[Any]]) -> None:
    """Take the kinds of this process into use, in the order in which lists show them."""
    _kinds.clear()
    _kinds.update((kind.name, kind) for kind in kinds)


def request_kinds() -> Mapping[str, RequestKind[Any]]:
    """Those in use, by name."""
    return _kinds


def kind_named(name: str) -> RequestKind[Any]:
    """The kind. Raises :class:`LookupError`: what nobody knows is neither planned nor called done."""
    try:
        return _kinds[name]
    except KeyError:
        raise LookupError(f"There is no kind of request called {name!r}.") from None


def kind_of(booking: Booking) -> RequestKind[Any]:
    """The kind of ``booking``. Raises :class:`LookupError` for one that nobody knows."""
    return kind_named(booking.kind)
