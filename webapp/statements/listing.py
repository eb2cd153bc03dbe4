"""Find statements: those of one job in order, and all of them by search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from webapp.database import is_id
from webapp.errors import InvalidInput
from webapp.statements.models import JobStatement, StatementKind, StatementStatus
from webapp.statements.visibility import visible_statements
from webapp.visitor import Visitor

WINDOW = 200
PAGE = 50
# A search for text reads this many statements at most, then offers to go on from there.
SEARCHED_AT_ONCE = 100_000
TROUBLE = (StatementStatus.ERROR, StatementStatus.UNKNOWN)
FILTERS = ("", "changes", "reads", "trouble")
HASH_LENGTH = 64
HASH_PREFIX = 8  # characters of a hash that are enough to search for it everywhere


def shown(query: Select[tuple[JobStatement]], show: str) -> Select[tuple[JobStatement]]:
    """``query`` narrowed to one of :data:`FILTERS`."""
    if show == "changes":
        return query.where(JobStatement.kind == StatementKind.CHANGE)
    if show == "reads":
        return query.where(JobStatement.kind == StatementKind.READ)
    if show == "trouble":
        return query.where(JobStatement.status.in_(TROUBLE))
    return query


def fits(row: JobStatement, show: str) -> bool:
    """Whether :func:`shown` keeps ``row``."""
    return {
        "changes": row.kind is StatementKind.CHANGE,
        "reads": row.kind is StatementKind.READ,
        "trouble": row.status in TROUBLE,
    }.get(show, True)


@dataclass(frozen=True)
class StatementWindow:
    """Some statements of a job in their order."""

    statements: list[JobStatement]
    has_older: bool


def newest_of_job(
    session: Session, job_id: str, *, before: JobStatement | None = None, show: str = "", size: int = WINDOW
) -> StatementWindow:
    """A job's last statements, or those right before ``before``."""
    query = shown(select(JobStatement).where(JobStatement.job_id == job_id), show)
    if before is not None:
        query = query.where(_is_before(before))
    newest_first = query.order_by(JobStatement.attempt.desc(), JobStatement.seq.desc())
    rows = list(session.scalars(newest_first.limit(size + 1)))
    return StatementWindow(rows[:size][::-1], len(rows) > size)


def _is_before(row: JobStatement) -> Any:
    return or_(
        JobStatement.attempt < row.attempt,
        (JobStatement.attempt == row.attempt) & (JobStatement.seq < row.seq),
    )


def neighbours(session: Session, row: JobStatement) -> tuple[str | None, str | None]:
    """The ids of the previous and the next statement of its job."""
    ids = select(JobStatement.id).where(JobStatement.job_id == row.job_id)
    previous = session.scalar(
        ids.where(_is_before(row)).order_by(JobStatement.attempt.desc(), JobStatement.seq.desc()).limit(1)
    )
    following = or_(
        JobStatement.attempt > row.attempt,
        (JobStatement.attempt == row.attempt) & (JobStatement.seq > row.seq),
    )
    return previous, session.scalar(
        ids.where(following).order_by(JobStatement.attempt, JobStatement.seq).limit(1)
    )


@dataclass(frozen=True)
class StatementFilter:
    """Which statements a search finds; None and empty texts ask for nothing.

    Raises InvalidInput when ``sha256`` is no beginning of a hash.
    """

    q: str = ""  # the text contains it, in any case
    instance: str = ""  # a host of the inventory, or an address
    database: str = ""
    kind: StatementKind | None = None
    status: StatementStatus | None = None
    sha256: str = ""  # the first digits are enough
    job: str = ""
    since: datetime | None = None  # UTC
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.sha256 and not re.fullmatch(r"[0-9a-fA-F]{4,64}", self.sha256):
            raise InvalidInput("sha256", "It is not a hash", "Give 4 to 64 hexadecimal digits.")

    def applied(self, query: Select[tuple[JobStatement]]) -> Select[tuple[JobStatement]]:
        """``query`` narrowed."""
        if self.q:
            query = query.where(JobStatement.text.icontains(self.q, autoescape=True))
        if self.instance:
            query = query.where(
                or_(JobStatement.inventory_host == self.instance, JobStatement.instance == self.instance)
            )
        if self.database:
            query = query.where(JobStatement.database == self.database)
        if self.kind:
            query = query.where(JobStatement.kind == self.kind)
        if self.status:
            query = query.where(JobStatement.status == self.status)
        if self.job:
            query = query.where(JobStatement.job_id == self.job)
        if self.sha256:
            digits = self.sha256.lower()
            query = query.where(JobStatement.sha256 >= digits, JobStatement.sha256 <= digits.ljust(64, "f"))
        if self.since:
            query = query.where(JobStatement.at >= self.since)
        if self.until:
            query = query.where(JobStatement.at <= self.until)
        return query


@dataclass(frozen=True)
class Found:
    """A page of a search, newest first. ``next_key``: give it as ``after`` for the next one.

    ``is_partial``: the search stopped reading there; there may be more behind it.
    """

    rows: list[JobStatement]
    next_key: str | None
    is_partial: bool


def by_key(query: Select[tuple[JobStatement]], text: str) -> Select[tuple[JobStatement]] | None:
    """``query`` for an id, or for a hash or its first characters; None when ``text`` is neither.

    Both are indexed, the texts are not.
    """
    if is_id(text.upper()):
        return query.where(JobStatement.id == text.upper())
    if HASH_PREFIX <= len(text) <= HASH_LENGTH and set(text.lower()) <= set("0123456789abcdef"):
        return StatementFilter(sha256=text).applied(query)
    return None


def search(session: Session, user: Visitor, wanted: StatementFilter, *, after: str | None = None) -> Found:
    """A page of statements that ``user`` may see and ``wanted`` fits, before the id ``after``."""
    query = visible_statements(user)
    if after:
        query = query.where(JobStatement.id < after)
    # Where no index leads to the rows, only so many are read for one page.
    bound = None
    if wanted.q or wanted.database or wanted.status or wanted.kind:
        ids = select(JobStatement.id).order_by(JobStatement.id.desc())
        ids = ids.where(JobStatement.id < after) if after else ids
        bound = session.scalar(ids.offset(SEARCHED_AT_ONCE).limit(1))
        if bound:
            query = query.where(JobStatement.id >= bound)
    query = wanted.applied(query).order_by(JobStatement.id.desc()).limit(PAGE + 1)
    rows = list(session.scalars(query))
    if len(rows) > PAGE:
        return Found(rows[:PAGE], rows[PAGE - 1].id, is_partial=False)
    return Found(rows, bound, is_partial=bound is not None)
