"""What any run tells about its instances by the way: whether they answer, and let the platform in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.jobs.event_rows import items_of, module_of
from webapp.jobs.models import Job
from webapp.jobs.templates import JobTemplate
from webapp.pools.discoveries import not_seen, seen
from webapp.pools.models import Instance, Reachability
from webapp.pools.remedies import in_form_words

_RESULTS = ("runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_item_on_failed")
_NOT_LET_IN = ("ConnectionFailed", "CertificateNotTrusted", "LoginFailed")
_BROKEN_OFF = ("ConnectionLost", "OutcomeUnknown")  # also of who answers, but takes too long
_OF_MANY = "mssql_fleet"  # its host is the first of those that it asked


class OnInstances(JobTemplate):
    """Base of all templates whose runs log in on instances: what they meet there counts for everybody."""

    def observe(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """Note whether the instance answered, then what the job is about."""
        note_contact(session, job, event)
        self.take_event(session, job, event)

    def take_event(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """What :meth:`JobTemplate.observe` is for other templates."""

    def explain(self, text: str) -> str:
        """With the fields of forms in place of options."""
        return in_form_words(text)


def instance_called(session: Session, job: Job, host: Any) -> Instance | None:
    """The instance that the job's inventory calls ``host``; None when it was removed or renamed since."""
    query = select(Instance).where(Instance.name == host)
    for column, key in ((Instance.id, "instance_id"), (Instance.pool_id, "pool_id")):
        if job.parameters.get(key):
            query = query.where(column == job.parameters[key])
    return session.scalars(query).one_or_none()


def note_contact(session: Session, job: Job, event: dict[str, Any]) -> None:
    """Change the state of the instance that ``event`` is about, where it tells another one."""
    told = contact_in(event)
    if told is None:
        return
    instance = instance_called(session, job, (event.get("event_data") or {}).get("host"))
    if instance is None:
        return
    if told:
        not_seen(session, instance, told)
    elif instance.reachability is not Reachability.REACHABLE:
        seen(session, instance)


def contact_in(event: dict[str, Any]) -> str | None:
    """Why the instance could not be worked on; "" when it answered; None when nobody knows by it. Pure."""
    data = event.get("event_data") or {}
    result = data.get("res")
    module = module_of(data)
    if not isinstance(result, dict) or not module.startswith("mssql_") or module == _OF_MANY:
        return None
    if event.get("event") not in _RESULTS:
        return None
    told = [result, *items_of(result)]  # one that may fail (failed_when: false) is ok all the same
    for one in told:
        if _is_out_of_reach(one.get("error")):
            return str(one.get("msg") or "It did not answer.")
    has_answered = event.get("event") == "runner_on_ok" and not any(
        one.get("error") or one.get("skipped") for one in told
    )
    return "" if has_answered else None


def _is_out_of_reach(error: Any) -> bool:
    if not isinstance(error, dict):
        return False
    is_link_broken = str(error.get("sqlstate") or "").startswith("08")
    return error.get("kind") in _NOT_LET_IN or (error.get("kind") in _BROKEN_OFF and is_link_broken)
