"""T-SQL statements as items of plans: the first kind, carried out by the collection's modules."""

from __future__ import annotations

import hashlib
from typing import Any

from webapp.bookings.items import ItemKind
from webapp.bookings.plans import STATEMENT, PlanItem
from webapp.statements.plan import FIELDS


class StatementItems(ItemKind):
    """The modules verify each of them once more before it is sent; what they look at is the document."""

    name = STATEMENT
    nouns = ("statement", "statements")
    shown = ("inventory_host", "template_revision", "secrets", "task", "creates")

    def document(self, item: PlanItem) -> list[Any]:
        return [getattr(item, name) for name in FIELDS]

    def problems(self, item: PlanItem) -> list[str]:
        if hashlib.sha256(item.text.encode("utf-8")).hexdigest() == item.sha256:
            return []
        return [f"the text of statement {item.position + 1} was changed (it does not fit its own hash)"]
