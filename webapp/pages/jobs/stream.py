"""What happens in a job, as it happens: read in short sessions, without a gap and without a double.

Every event and statement has its position in the job's stream, and one writer commits them in order together
with ``Job.stream``. So a read takes ``Job.stream`` first, then everything between its cursor and that
position: what is committed in between belongs to the next read. The cursor goes to the browser as the
message's id, with all of the message or none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.accounts.models import PortalRole, User, UserSession, UserState
from webapp.database import Database, now
from webapp.jobs.models import QUEUED_JOB_STATES, JobEvent
from webapp.jobs.visibility import find_job
from webapp.pages.jobs.heading import Heading, heading_of
from webapp.pages.jobs.output import Line, event_lines, lines_before
from webapp.pages.jobs.task_results import TaskResult, task_result
from webapp.statements.models import JobStatement

BATCH = 500  # events, and as many statements, that one message holds
PARTS = ("output", "tasks", "statements")
HEADING_EVERY = 7  # reads, where only the queue in front of the job can change it


@dataclass(frozen=True)
class Follower:
    """Who follows a job; plain values that outlive the request."""

    id: str
    role: PortalRole
    session_id: str

    @property
    def is_staff(self) -> bool:
        """Whether it is somebody of the hosting team."""
        return self.role is not PortalRole.CUSTOMER


@dataclass(frozen=True)
class Batch:
    """What one read brought."""

    cursor: int  # everything up to here was brought
    heading: Heading | None  # when it changed
    lines: list[Line]
    results: list[TaskResult]
    statements: list[JobStatement]
    is_complete: bool  # the job has ended and nothing is left

    @property
    def has_news(self) -> bool:
        """Whether there is something to say."""
        return bool(self.heading or self.lines or self.results or self.statements)


class JobReader:
    """Reads one job from a position on. Not for several threads."""

    def __init__(
        self,
        database: Database,
        follower: Follower,
        job_id: str,
        *,
        after: int,
        parts: tuple[str, ...] = PARTS,
    ) -> None:
        self._database = database
        self._follower = follower
        self._job_id = job_id
        self._parts = parts
        self.cursor = max(0, after)
        self._lines: int | None = None  # before the cursor; counted when first needed
        self._heading: Heading | None = None
        self._reads = 0

    def read(self) -> Batch:
        """What is new. Raises :class:`webapp.errors.NotFound` when the job is not the follower's to see."""
        with self._database.reading() as session:
            job = find_job(session, self._follower, self._job_id)
            newest = job.stream
            heading = None
            if self._reads % HEADING_EVERY == 0 or job.state not in QUEUED_JOB_STATES:
                heading = heading_of(session, job)
            self._reads += 1
            changed = heading if heading != self._heading else None
            self._heading = heading or self._heading
            if newest <= self.cursor:
                is_complete = bool(heading and heading.is_ended)
                return Batch(self.cursor, changed, [], [], [], is_complete)
            return self._news(session, newest, changed, is_ended=bool(heading and heading.is_ended))

    def _news(self, session: Session, newest: int, heading: Heading | None, *, is_ended: bool) -> Batch:
        events: list[JobEvent] = []
        statements: list[JobStatement] = []
        if {"output", "tasks"} & set(self._parts):
            events = list(session.scalars(self._query(JobEvent, newest)))
        if "statements" in self._parts:
            statements = list(session.scalars(self._query(JobStatement, newest)))
        # Where one of the two was cut off, the other is cut off at the same place.
        until = min(
            [newest, *(rows[-1].stream for rows in (events, statements) if len(rows) == BATCH)],
        )
        events = [event for event in events if event.stream <= until]
        statements = [row for row in statements if row.stream <= until]
        lines = self._numbered(session, events) if "output" in self._parts else []
        found = (task_result(event) for event in events) if "tasks" in self._parts else ()
        # The newest of each in the place of its first: what one batch replaces need not be drawn.
        results = list({result.key: result for result in found if result}.values())
        self.cursor = until
        return Batch(until, heading, lines, results, statements, is_ended and until == newest)

    def _query(self, kind: type[JobEvent] | type[JobStatement], newest: int) -> Any:
        query = select(kind).where(
            kind.job_id == self._job_id, kind.stream > self.cursor, kind.stream <= newest
        )
        return query.order_by(kind.stream).limit(BATCH)

    def _numbered(self, session: Session, events: list[JobEvent]) -> list[Line]:
        if self._lines is None:
            self._lines = lines_before(session, self._job_id, self.cursor + 1)
        lines: list[Line] = []
        for event in events:
            if event.stdout:
                shown, count = event_lines(event.stdout, self._lines)
                lines += shown
                self._lines += count
        return lines

    def may_go_on(self) -> bool:
        """Whether the follower is still logged in, in the same role."""
        with self._database.reading() as session:
            query = (
                select(UserSession.expires_at)
                .join(User, User.id == UserSession.user_id)
                .where(
                    UserSession.id == self._follower.session_id,
                    UserSession.ended_at.is_(None),
                    User.state == UserState.ACTIVE,
                    User.role == self._follower.role,
                )
            )
            expires_at = session.scalar(query)
        return expires_at is not None and expires_at > now()
