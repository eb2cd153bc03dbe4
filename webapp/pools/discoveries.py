"""Keep what looks at instances found. Called by the job templates."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.database import now
from webapp.pools.differences import changes_between
from webapp.pools.facts import collation_names, summary_of
from webapp.pools.listing import newest_discovery
from webapp.pools.models import Discovery, Instance, Reachability
from webapp.pools.remedies import in_form_words

KEPT = 50  # discoveries of each instance
ERROR_CHARACTERS = 2000  # of Instance.last_error


def keep_discovery(session: Session, instance: Instance, result: dict[str, Any], *, job_id: str) -> Discovery:
    """Store what ``mssql_discover`` returned, mark the instance reachable, forget the oldest discoveries."""
    # A job that was resumed looks again; the last look counts. Only the first may know the collations.
    ours = select(Discovery).where(Discovery.instance_id == instance.id, Discovery.job_id == job_id)
    looked = session.scalars(ours.order_by(Discovery.id.desc()).limit(1)).first()
    facts = {
        **result["instance"],
        "unknown": result.get("unknown") or [],
        "omitted": result.get("omitted") or [],
    }
    _hand_on_collations(looked, facts)
    session.flush()
    session.execute(delete(Discovery).where(Discovery.instance_id == instance.id, Discovery.job_id == job_id))
    before = newest_discovery(session, instance.id)
    _hand_on_collations(before, facts)
    found = Discovery(
        instance_id=instance.id,
        job_id=job_id,
        facts=facts,
        summary=summary_of(facts).as_json(),
        changes=changes_between(before.facts if before else None, facts),
    )
    session.add(found)
    seen(session, instance)
    session.flush()
    _forget_oldest(session, instance.id)
    return found


def seen(session: Session, instance: Instance) -> None:
    """The instance answered and let the platform's account in."""
    instance.reachability, instance.last_seen_at, instance.last_error = Reachability.REACHABLE, now(), None


def not_seen(session: Session, instance: Instance, reason: str) -> None:
    """The instance did not answer, or did not let the platform's account in."""
    text = in_form_words(reason.replace("\0", "").strip()) or "It did not answer; the job's output says more."
    instance.reachability, instance.last_error = Reachability.UNREACHABLE, text[:ERROR_CHARACTERS]


def _hand_on_collations(before: Discovery | None, facts: dict[str, Any]) -> None:
    """The names of collations are a third of the facts and hardly ever change: only the newest holds them."""
    if before is None or not (names := collation_names(before.facts)):
        return
    count = (facts.get("collations") or {}).get("count")
    if not collation_names(facts):  # left out because the result was too large
        if count not in (None, len(names)):
            return
        facts["collations"] = {"count": len(names), "names": names}
    before.facts = {**before.facts, "collations": {"count": len(names)}}


def _forget_oldest(session: Session, instance_id: str) -> None:
    query = select(Discovery.id).where(Discovery.instance_id == instance_id).order_by(Discovery.id.desc())
    kept = list(session.scalars(query.limit(KEPT)))
    if len(kept) == KEPT:
        session.execute(
            delete(Discovery).where(Discovery.instance_id == instance_id, Discovery.id < kept[-1])
        )
