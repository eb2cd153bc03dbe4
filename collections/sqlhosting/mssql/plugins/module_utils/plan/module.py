# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""mssql_plan: compare what this run has planned so far with the approved plan, before anything is changed."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import PlanRefused

ARGUMENT_SPEC = {"state": {"type": "str", "choices": ["verified"], "default": "verified"}}
SPEC_RULES: dict = {}
MAX_LISTED = 20  # differences in the result; the journal holds all planned statements


def run(session, params: dict) -> dict:
    """Raises :class:`PlanRefused` with the differences; without an approved plan nothing is verified."""
    rehearsed = session.context.journal.planned_changes()
    plan = session.context.plan
    if plan is None:
        return session.result(
            changed=False,
            verified=False,
            rehearsed=len(rehearsed),
            summary="No approved plan is set (SQLHOSTING_APPROVED_PLAN): statements are sent as the modules "
            "decide.",
        )
    differences = plan.differences(rehearsed)
    if differences:
        exc = PlanRefused(
            f"{len(differences)} of {len(rehearsed)} rehearsed statements are not what was approved: "
            + "; ".join(
                f"{d['instance']} [{d['database']}] {d['text']} ({d['reason']})"
                for d in differences[:MAX_LISTED]
            ),
            remedy="Nothing was changed. The target differs from what was planned: plan and approve again.",
        )
        # This task connects to none; the message is about those that the statements are for.
        exc.instance = "; ".join(dict.fromkeys(difference["instance"] for difference in differences))
        exc.differences = differences[:MAX_LISTED]
        raise exc
    return session.result(
        changed=False,
        verified=True,
        plan_hash=plan.hash,
        approved=len(plan.statements),
        rehearsed=len(rehearsed),
        summary=f"All {len(rehearsed)} rehearsed statements are in the approved plan "
        f"({len(plan.statements)} statements).",
    )
