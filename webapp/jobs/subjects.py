"""What jobs are about and what they have to themselves. Rooms above register it; this one knows none of them.

A *reference* names one thing: ``instance:<id>``, ``booking:<id>``. A job's subjects serve lists, names and
filters; its targets are locked while it runs, and are what a plan's items are carried out on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from webapp.jobs.models import Job, JobSubject


class SubjectKind:
    """A kind of thing that jobs are about. Stateless."""

    name: ClassVar[str]  # snake_case; what references begin with, and what people read
    endpoint: ClassVar[str] = ""  # of its page, which takes ``<name>_id``; empty: it has none
    is_listed: ClassVar[bool] = True  # whether lists of jobs name it

    def names(self, session: Session, ids: Collection[str]) -> dict[str, str]:
        """What people call these, by id; an id without a row is left out."""
        return {}


class TargetKind(SubjectKind):
    """A kind of thing that jobs also lock. One that a plan may be for says what an approval binds of it."""

    words: ClassVar[Mapping[str, str]] = {}  # for messages: key of ``bound`` to "the instance's address"

    def bound(self, session: Session, target_id: str) -> dict[str, Any] | None:
        """What must be the same when a plan is carried out as when it was approved; no secret in it.

        None: it is not there any more, or no plan can be for such a thing. ``name`` and ``id`` are among it.
        """
        return None

    def changed(self, session: Session, target_id: str) -> list[str]:
        """Which rows that say where a run goes were changed behind the platform's back. Sentences."""
        return []


_kinds: dict[str, SubjectKind] = {}


def use_subject_kinds(kinds: Iterable[SubjectKind]) -> None:
    """Take the kinds of this process into use."""
    _kinds.clear()
    _kinds.update((kind.name, kind) for kind in kinds)


def subject_kinds() -> Mapping[str, SubjectKind]:
    """Those in use, by name."""
    return _kinds


def target_kinds() -> Mapping[str, TargetKind]:
    """Those that can be locked."""
    return {name: kind for name, kind in _kinds.items() if isinstance(kind, TargetKind)}


def references(**ids: str | Iterable[str] | None) -> list[str]:
    """References by kind, in the order given: ``references(booking=booking.id, instance=ids)``; no None."""
    return [
        f"{kind}:{key}"
        for kind, given in ids.items()
        for key in ([] if given is None else [given] if isinstance(given, str) else given)
    ]


def is_about(kind: str, key: str) -> ColumnElement[bool]:
    """The condition that a job is about this thing, for a query over :class:`Job`."""
    return Job.id.in_(select(JobSubject.job_id).where(JobSubject.kind == kind, JobSubject.subject_id == key))
