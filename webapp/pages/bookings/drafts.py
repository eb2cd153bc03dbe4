"""The booking wizard's draft: what a user typed so far, right or wrong, kept until it is booked.

In the database, not in the cookie: a reason of 2000 characters does not fit there, and a user finds the draft
again after the next log-in. It is never trusted: everything is checked again when it is booked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.bookings.models import BookingDraft
from webapp.bookings.parameters import (
    check_application_name,
    check_capacity,
    check_collation,
    check_new_database,
    check_pool,
)
from webapp.database import new_id, now
from webapp.errors import InvalidInput
from webapp.pages.bookings.typed import collation_from, mib_from_gib, pool_kind_from
from webapp.pools.models import Pool, PoolKind

LONGEST_VALUE = 4000  # characters of one field; longer input is refused by its check anyway


@dataclass(frozen=True)
class Step:
    """One page of the wizard."""

    key: str
    title: str
    fields: tuple[str, ...]
    check: Callable[[Session, Mapping[str, str]], None]


def _check_name(session: Session, typed: Mapping[str, str]) -> None:
    check_application_name(session, typed.get("name", ""))


def chosen_pool(session: Session, typed: Mapping[str, str]) -> Pool:
    """The pool that the step "kind" chooses. Raises InvalidInput."""
    return check_pool(session, pool_kind_from(typed.get("kind", "")), typed.get("pool", "") or None)


def _check_kind(session: Session, typed: Mapping[str, str]) -> None:
    chosen_pool(session, typed)


def _check_collation(session: Session, typed: Mapping[str, str]) -> None:
    check_collation(session, chosen_pool(session, typed), collation_from(typed.get("collation", "")))


def _check_database(session: Session, typed: Mapping[str, str]) -> None:
    pool = chosen_pool(session, typed)
    check_new_database(session, typed.get("name", "").strip(), typed.get("database", ""))
    check_capacity(session, pool, mib_from_gib(typed.get("size_gib", "")))


def _check_summary(_session: Session, _typed: Mapping[str, str]) -> None:
    """The last step's own field is checked when it is booked."""


STEPS = (
    Step("name", "Name", ("name",), _check_name),
    Step("kind", "Kind", ("kind", "pool"), _check_kind),
    Step("collation", "Collation", ("collation",), _check_collation),
    Step("database", "Database", ("database", "size_gib"), _check_database),
    Step("summary", "Summary", ("reason",), _check_summary),
)
STEP_BY_KEY = {step.key: step for step in STEPS}
FIELD_STEP = {field: step.key for step in STEPS for field in step.fields}
FIRST_VALUES = {"kind": PoolKind.STANDALONE.value}


def draft_of(session: Session, user_id: str) -> BookingDraft:
    """The user's draft; an empty one that is not written yet where there is none."""
    draft = session.get(BookingDraft, user_id)
    return draft or BookingDraft(user_id=user_id, values=dict(FIRST_VALUES), token=new_id())


def keep(session: Session, draft: BookingDraft, step: Step, typed: Mapping[str, str]) -> BookingDraft:
    """Keep what was typed into the fields of ``step``, right or wrong."""
    given = {
        field: typed.get(field, "").replace("\x00", "")[:LONGEST_VALUE]
        for field in step.fields
        if field in typed
    }
    values = {**draft.values, **given}
    if draft not in session:
        try:
            with session.begin_nested():
                draft.values, draft.changed_at = values, now()
                session.add(draft)
                session.flush()
        except IntegrityError:  # a second tab was faster
            draft = session.get_one(BookingDraft, draft.user_id)
    draft.values, draft.changed_at = {**draft.values, **given}, now()
    return draft


def finish(session: Session, draft: BookingDraft) -> None:
    """The draft was booked: the next booking begins empty, with a token of its own."""
    session.flush()
    session.execute(
        update(BookingDraft)
        .where(BookingDraft.user_id == draft.user_id, BookingDraft.token == draft.token)
        .values(values=dict(FIRST_VALUES), token=new_id(), changed_at=now())
    )


def first_wrong(session: Session, typed: Mapping[str, str], before: Step) -> tuple[Step, InvalidInput] | None:
    """The first step in front of ``before`` whose fields do not pass, and why."""
    for step in STEPS[: STEPS.index(before)]:
        try:
            step.check(session, typed)
        except InvalidInput as error:
            return step, error
    return None


def digest(typed: Mapping[str, str]) -> str:
    """Identifies what the summary showed; the reason is typed there and does not count."""
    shown = {field: typed.get(field, "") for field in FIELD_STEP if field != "reason"}
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode("utf-8", "replace")).hexdigest()
