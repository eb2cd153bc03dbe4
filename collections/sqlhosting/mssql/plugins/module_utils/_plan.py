# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The approved plan: an ordered list of changing statements. What is not next in it is not sent.

File: ``{"version": 1, "hash": …, "statements": [{"instance", "database", "template", "sha256", "text"}…]}``.
``hash`` is over the canonical list, so an approval can be bound to it; ``sha256`` is over the captured text.
"""

from __future__ import annotations

import hashlib
import json

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import PlanRefused

VERSION = 1
FIELDS = ("instance", "database", "template", "sha256", "text")
_REMEDY = "Nothing was changed by this statement. Plan again, have the new plan approved, and run with it."


class Plan:
    """The statements of an approved plan, in order."""

    def __init__(self, statements: list[dict]) -> None:
        self.statements = [{field: statement[field] for field in FIELDS} for statement in statements]

    @property
    def hash(self) -> str:
        """What an approval is bound to."""
        return plan_hash(self.statements)

    def position_of(self, *, instance: str, database: str, sha256: str, after: int) -> int:
        """The position of the statement after position ``after``. Raises :class:`PlanRefused`.

        Statements in between are skipped: their effect holds already, else the module would have sent them.
        """
        wanted = (instance, database, sha256)
        for position in range(after + 1, len(self.statements)):
            if _key(self.statements[position]) == wanted:
                return position
        if any(_key(statement) == wanted for statement in self.statements[: after + 1]):
            problem = "the approved plan holds this statement only earlier, before statements already sent"
        else:
            problem = "the approved plan does not hold this statement for this instance and database"
        raise PlanRefused(problem, remedy=_REMEDY)

    def differences(self, rehearsed: list[dict]) -> list[dict]:
        """What a rehearsal would send that the plan does not allow: [{"reason", **statement}]. Pure.

        A rehearsal may skip planned statements (their effect holds already), but must keep their order for
        each instance.
        """
        found = []
        used: dict[str, int] = {}
        for statement in rehearsed:
            instance = statement["instance"]
            try:
                used[instance] = self.position_of(
                    instance=instance,
                    database=statement["database"],
                    sha256=statement["sha256"],
                    after=used.get(instance, -1),
                )
            except PlanRefused as exc:
                found.append(dict({field: statement.get(field) for field in FIELDS}, reason=exc.message))
        return found


def _key(statement: dict) -> tuple:
    return statement["instance"], statement["database"], statement["sha256"]


def plan_hash(statements: list[dict]) -> str:
    """sha256 over the canonical JSON of the statements: instance, database, template, sha256, text."""
    rows = [[statement[field] for field in FIELDS] for statement in statements]
    canonical = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def load_plan(path: str) -> Plan:
    """Read and verify a plan file. Raises :class:`PlanRefused` when it is missing, wrong or was altered."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError) as exc:
        raise PlanRefused(f"the approved plan {path} cannot be read: {exc}", remedy=_REMEDY) from exc
    try:
        if data["version"] != VERSION:
            raise PlanRefused(f"the approved plan {path} has version {data['version']}, known is {VERSION}")
        plan = Plan(data["statements"])
        for statement in plan.statements:
            if hashlib.sha256(statement["text"].encode("utf-8")).hexdigest() != statement["sha256"]:
                raise PlanRefused(
                    f"the approved plan {path} was altered: a text and its sha256 differ", remedy=_REMEDY
                )
        if plan.hash != data["hash"]:
            raise PlanRefused(
                f"the approved plan {path} was altered: its statements and its hash differ", remedy=_REMEDY
            )
    except (KeyError, TypeError, AttributeError) as exc:
        raise PlanRefused(
            f"{path} is not a plan: {exc!r}", remedy="Make one with 'sqlhosting plan'."
        ) from exc
    return plan
