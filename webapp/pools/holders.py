"""Who holds an instance or a pool. Rooms above register themselves, so that this room knows none of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from sqlalchemy.orm import Session

from webapp.pools.models import Instance, Pool

SHOWN_NAMES = 5  # in a sentence


class Holder:
    """What one room says about the pools and instances that its rows name. By default: nothing.

    Each ``keeps_…`` gives the rest of a sentence after "The instance x cannot be removed: ", or None.
    """

    room: ClassVar[str]

    def keeps_instance(self, session: Session, instance: Instance) -> str | None:
        """Why the instance must stay."""
        return None

    def keeps_instance_name(self, session: Session, instance: Instance) -> str | None:
        """Why the instance must keep its name."""
        return None

    def keeps_pool(self, session: Session, pool: Pool) -> str | None:
        """Why the pool must stay: whole sentences that say what to do."""
        return None

    def keeps_pool_name(self, session: Session, pool: Pool) -> str | None:
        """Why the pool must keep its name and kind."""
        return None

    def forget_instance(self, session: Session, instance: Instance) -> None:
        """The instance goes: take it out of rows that have ended; they keep its name in their history."""


_holders: list[Holder] = []


def use_holders(holders: Iterable[Holder]) -> None:
    """Take the holders of this process into use, in the order in which they are asked."""
    _holders[:] = holders


def holders() -> Sequence[Holder]:
    """Those in use."""
    return tuple(_holders)
