"""The kinds of items that plans hold. Rooms register theirs: gate, signatures and decisions ask only these.

A kind says what an item's own text is and what is wrong with it. On which target and at which place of its
plan an item stands is the plan's matter, and the same for all kinds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from webapp.bookings.plans import PlanItem


class ItemKind:
    """One sort of item. Stateless."""

    name: ClassVar[str]  # snake_case; what PlanItem.kind holds
    nouns: ClassVar[tuple[str, str]]  # one, several
    # The columns that an approver sees besides those of ``document``: the signatures cover them as well.
    shown: ClassVar[tuple[str, ...]] = ()

    def document(self, item: PlanItem) -> list[Any]:
        """What the plan's hash is made over: all that decides what carrying ``item`` out does. JSON."""
        raise NotImplementedError

    def problems(self, item: PlanItem) -> list[str]:
        """How ``item`` contradicts itself: what follows "item 3 "; [] when it does not."""
        return []


_kinds: dict[str, ItemKind] = {}


def use_item_kinds(kinds: Iterable[ItemKind]) -> None:
    """Take the kinds of this process into use."""
    _kinds.clear()
    _kinds.update((kind.name, kind) for kind in kinds)


def item_kinds() -> Mapping[str, ItemKind]:
    """Those in use, by name."""
    return _kinds


def items_hash(items: Sequence[PlanItem]) -> str:
    """sha256 over the canonical JSON of the items' documents in order: what approvals are bound to.

    Of a plan of statements only it is the hash that the collection's modules verify. An item of a kind that
    nobody knows counts as empty, so that no hash fits it.
    """
    rows = [_kinds[one.kind].document(one) if one.kind in _kinds else None for one in items]
    canonical = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def shown_of(item: PlanItem) -> list[Any]:
    """What signatures cover of ``item`` besides its document: place, kind, target, and what is shown."""
    kind = _kinds.get(item.kind)
    return [
        item.position,
        item.kind,
        item.target,
        *(getattr(item, one) for one in (kind.shown if kind else ())),
    ]


def in_words(items: Sequence[PlanItem]) -> str:
    """``3 statements and 1 task``."""
    counts: dict[str, int] = {}
    for one in items:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    parts = []
    for name, count in (counts or {"statement": 0}).items():
        nouns = _kinds[name].nouns if name in _kinds else (name, f"{name}s")
        parts.append(f"{count} {nouns[0] if count == 1 else nouns[1]}")
    return " and ".join(parts)
