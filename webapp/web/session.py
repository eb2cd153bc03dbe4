"""What views share: the request's database session, the runtime, pages by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import current_app, g, request
from sqlalchemy import Select
from sqlalchemy.orm import Session

from webapp.jobs.runtime import Runtime

PAGE_SIZE = 50
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Row = TypeVar("Row")


def runtime() -> Runtime:
    """The process's runtime."""
    return cast(Runtime, current_app.extensions["sqlhosting"])


def session() -> Session:
    """The request's database session. Views that write commit it themselves; it is rolled back otherwise."""
    if "session" not in g:
        g.session = runtime().database.session(writes=request.method not in SAFE_METHODS)
    return cast(Session, g.session)


def close_session(_error: BaseException | None = None) -> None:
    """At the end of every request."""
    opened = g.pop("session", None)
    if opened is not None:
        opened.close()


@dataclass(frozen=True)
class Page:
    """A page of a list, found by key: the rows and the key at which the next page begins."""

    rows: list[Any]
    next_key: str | None


def page_by_id(query: Select[Any], column: Any, *, after: str | None = None, size: int = PAGE_SIZE) -> Page:
    """Rows with the newest first; ``after`` is the id of the last row of the page before (``?after=``)."""
    if after:
        query = query.where(column < after)
    rows = list(session().scalars(query.order_by(column.desc()).limit(size + 1)))
    return Page(rows[:size], rows[size - 1].id if len(rows) > size else None)


def page_by_name(query: Select[Any], column: Any, *, after: str | None = None, size: int = PAGE_SIZE) -> Page:
    """Rows in the order of their names, which are unique; ``after`` is the name of the page before's last."""
    if after:
        query = query.where(column > after)
    rows = list(session().scalars(query.order_by(column).limit(size + 1)))
    return Page(rows[:size], rows[size - 1].name if len(rows) > size else None)
