"""What an attempt comes to: an end state, or one more attempt. Used by the worker and by the reconciler."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.operations import PLATFORM, record
from webapp.database import Database
from webapp.jobs.claim import Claim, LeaseLost, held_job
from webapp.jobs.endings import end_job, is_changed, templates_of
from webapp.jobs.launcher import Outcome
from webapp.jobs.models import Job, JobEvent, JobState
from webapp.jobs.outbox import add_ring
from webapp.settings import Settings
from webapp.statements.models import JobStatement, StatementKind, StatementStatus
from webapp.statements.stored import changes_sent, end_unknown

MAX_EXPLANATION = 8_000  # characters
_LISTED_STATEMENTS = 5
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Verdict:
    """What is to become of the job. Without ``state`` the attempt is lost, and another one may begin."""

    state: JobState | None
    explanation: str | None = None
    return_code: int | None = None
    is_not_started: bool = False  # no process of this attempt was started


def verdict_of(
    session: Session, job: Job, outcome: Outcome, *, is_lease_lost: bool, unobserved: int, timeout_s: int
) -> Verdict:
    """Judge an attempt whose process is dead and whose events are all stored."""
    if outcome.is_canceled:
        return Verdict(JobState.CANCELED, "Canceled while it ran; its processes are dead.", None)
    if outcome.is_timed_out:
        text = f"It ran longer than {timeout_s} s (SQLHOSTING_JOB_TIMEOUT_S) and was ended."
        return Verdict(JobState.FAILED, text, None)
    if lost := "The lease ran out." if is_lease_lost else _why_lost(session, job, outcome, unobserved):
        return Verdict(None, lost)
    if unobserved:
        text = (
            f"The playbook ended with {outcome.return_code}, but the platform could not take in {unobserved} "
            "of its events (see the worker's log). Discover the instance to see how it stands, then run it "
            "again."
        )
        return Verdict(JobState.ERROR, text, outcome.return_code)
    if outcome.return_code == 0:
        return Verdict(JobState.SUCCESSFUL, None, 0)
    text = _failure(session, job)
    template = templates_of(session).get(job.template)
    return Verdict(JobState.FAILED, template.explain(text) if template else text, outcome.return_code)


def _why_lost(session: Session, job: Job, outcome: Outcome, unobserved: int) -> str | None:
    """Why the attempt did not come to its end, or None. All that do, well or not, close with statistics."""
    if outcome.return_code is None:
        return "ansible-playbook was killed."
    if outcome.return_code == 0 or unobserved:
        return None
    seen = select(JobEvent.id).where(JobEvent.job_id == job.id, JobEvent.attempt == job.attempt).limit(1)
    has_begun = session.scalar(seen.where(JobEvent.event == "playbook_on_task_start"))
    if not has_begun or session.scalar(seen.where(JobEvent.event == "playbook_on_stats")):
        return None
    return "ansible-playbook broke off within a task, as when one of its processes is killed."


def settle(database: Database, settings: Settings, claimed: Claim, verdict: Verdict) -> JobState | None:
    """Put the verdict into the job's row; None when somebody else holds the job."""
    try:
        with database.transaction() as session:
            job = held_job(session, claimed)
            if verdict.state is None:
                return _begin_again(session, settings, job, verdict.explanation or "")
            explanation = verdict.explanation
            if verdict.is_not_started:
                explanation = f"{explanation} {_sent_before(session, job)}"
            end_job(
                session, job, to=verdict.state, token=claimed.token, return_code=verdict.return_code,
                explanation=explanation,
            )  # fmt: skip
            return job.state
    except LeaseLost:
        return None


def _sent_before(session: Session, job: Job) -> str:
    """What stands on the instances although this attempt started nothing."""
    sent = changes_sent(session, job.id)
    if not sent:
        return "Nothing was started and nothing was changed."
    statements = "1 changing statement" if sent == 1 else f"{sent} changing statements"
    return f"This attempt started nothing; earlier ones sent {statements}, which the job lists."


def _begin_again(session: Session, settings: Settings, job: Job, why: str) -> JobState:
    """One more attempt while there are any left; the locks stay with the job."""
    end_unknown(session, job)
    if job.cancel_requested_at is not None:
        text = f"Canceled; its attempt {job.attempt} had ended before: {why}{_unknown(session, job)}"
        end_job(session, job, to=JobState.CANCELED, token=job.lease_token, explanation=text)
    elif job.attempt >= settings.job_attempts:
        text = f"Given up after {job.attempt} attempts. The last one: {why}{_unknown(session, job)}"
        end_job(session, job, to=JobState.ERROR, token=job.lease_token, explanation=text)
    else:
        session.flush()
        is_changed(
            session, job.id, state=JobState.PENDING, lease_token=None, lease_until=None, worker=None,
            host_name=None, session_pid=None, session_started_at=None, private_folder=None,
            job_explanation=f"Attempt {job.attempt} was lost: {why} Another one begins.",
        )  # fmt: skip
        add_ring(session, job.id)
        record(
            session, PLATFORM, "job:resumed", object_kind="job", object_id=job.id, object_name=job.title,
            lost_attempt=job.attempt, reason=why,
        )  # fmt: skip
        session.refresh(job)
    return job.state


def _unknown(session: Session, job: Job) -> str:
    """Which changes nobody knows the outcome of, in a few lines."""
    query = select(JobStatement).where(
        JobStatement.job_id == job.id,
        JobStatement.kind == StatementKind.CHANGE,
        JobStatement.status == StatementStatus.UNKNOWN,
    )
    rows = session.scalars(query.order_by(JobStatement.attempt, JobStatement.seq)).all()
    if not rows:
        return " Every statement that it sent has a known outcome."
    listed = [
        f"- {' '.join(row.text.split())[:200]} on {row.inventory_host or row.instance}"
        for row in rows[:_LISTED_STATEMENTS]
    ]
    more = [f"- and {len(rows) - _LISTED_STATEMENTS} more"] if len(rows) > _LISTED_STATEMENTS else []
    begin = f" The outcome of {len(rows)} changing statement{'s are' if len(rows) > 1 else ' is'} unknown:"
    return "\n".join([begin, *listed, *more])


def _failure(session: Session, job: Job) -> str:
    """What the first failed task said, for people; without one, the end of the output."""
    of_attempt = (JobEvent.job_id == job.id, JobEvent.attempt == job.attempt)
    failed = session.scalars(
        select(JobEvent)
        .where(*of_attempt, JobEvent.is_failed.is_(True), JobEvent.message.is_not(None))
        .order_by(JobEvent.stream)
        .limit(500)
    ).all()
    messages = [
        (event.host, event.message or "") for event in failed if event.task_uuid == failed[0].task_uuid
    ]
    if messages:
        texts = list(dict.fromkeys(text for _, text in messages))
        if len(texts) == 1:
            return texts[0][:MAX_EXPLANATION]
        lines = [f"{host}: {text}" for host, text in dict(messages).items()]
        return "\n".join(lines)[:MAX_EXPLANATION]
    spoken = session.scalars(
        select(JobEvent.stdout)
        .where(*of_attempt, JobEvent.stdout != "")
        .order_by(JobEvent.stream.desc())
        .limit(20)
    ).all()
    output = _COLOURS.sub("", "\n".join(reversed(spoken))).strip()
    return f"ansible-playbook failed. The end of its output:\n{output[-2000:]}"
