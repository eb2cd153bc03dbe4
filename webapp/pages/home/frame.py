"""What the frame of every page shows: navigation by what the user may do, and whether the queue answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app, request, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.accounts.listing import pending_count
from webapp.bookings.plans import Plan, PlanState
from webapp.jobs.operations import is_redis_reachable
from webapp.settings import Settings
from webapp.web import session as web
from webapp.web.access import OPERATORS, access_of

QUEUE_LOOK_S = 5.0


@dataclass(frozen=True)
class Entry:
    """A page that the navigation knows. It is shown to whom the page's own declaration lets in."""

    endpoint: str  # without a page by this name there is no entry
    text: str
    icon: str  # a name of Bootstrap Icons
    count: Callable[[Session], int] | None = None  # what waits there


@dataclass(frozen=True)
class Link:
    """An entry as one user sees it on one page."""

    path: str
    text: str
    icon: str
    is_current: bool
    count: int


@dataclass(frozen=True)
class Section:
    """Links under a title."""

    title: str
    links: list[Link]


def _approvals_waiting(session: Session) -> int:
    return session.scalar(select(func.count()).where(Plan.state == PlanState.READY)) or 0


SECTIONS = (
    (
        "",
        (
            Entry("home.index", "Home", "house"),
            Entry("wizard.begin", "Book an application", "plus-circle"),
            Entry("applications.index", "Applications", "boxes"),
            Entry("bookings.index", "Requests", "inbox"),
        ),
    ),
    (
        "Operations",
        (
            Entry("approvals.index", "Approvals", "clipboard-check", _approvals_waiting),
            Entry("jobs.index", "Jobs", "play-circle"),
            Entry("statements.index", "Statements", "code-square"),
            Entry("pools.index", "Pools", "hdd-stack"),
            Entry("instances.index", "Instances", "database"),
            Entry("jobs.schedules_page", "Schedules", "calendar-event"),
            Entry("jobs.workers_page", "Workers", "cpu"),
            Entry("rq_dashboard.queues_overview", "RQ dashboard", "list-ol"),
        ),
    ),
    (
        "Administration",
        (
            Entry("users.index", "Users", "people", pending_count),
            Entry("policies.index", "Policies", "sliders"),
            Entry("elevated_accounts.index", "Elevated accounts", "key"),
        ),
    ),
)
ACCOUNT = (Entry("account.show", "Your account", "person-gear"), Entry("account.tokens", "API tokens", "key"))
# Blueprints that guard themselves do not declare roles.
_GUARDED = {"rq_dashboard": OPERATORS}


def navigation() -> list[Section]:
    """The pages that exist and that the current user may open."""
    shown = [
        (title, [(url_for(entry.endpoint), entry) for entry in entries if may_open(entry.endpoint)])
        for title, entries in SECTIONS
    ]
    current = _current_path([path for _, entries in shown for path, _entry in entries])
    # A session of its own: that of a request that failed cannot be used any more.
    with web.runtime().database.reading() as session:
        return [
            Section(title, [_link(path, entry, current, session) for path, entry in entries])
            for title, entries in shown
            if entries
        ]


def account_links() -> list[Link]:
    """The user's own pages."""
    return [
        Link(url_for(entry.endpoint), entry.text, entry.icon, False, 0)
        for entry in ACCOUNT
        if may_open(entry.endpoint)
    ]


def may_open(endpoint: str) -> bool:
    """Whether there is a page ``endpoint`` that the current user's role may open."""
    if endpoint not in current_app.view_functions:
        return False
    blueprint = endpoint.partition(".")[0]
    roles = _GUARDED.get(blueprint) or access_of(current_app, endpoint) or frozenset()
    return current_user.role in roles


def _current_path(paths: list[str]) -> str:
    """The entry that the current page belongs to: the longest path that this one begins with."""
    here = request.path.rstrip("/") + "/"
    fitting = [path for path in paths if here.startswith(path.rstrip("/") + "/") and path != "/"]
    return max(fitting, key=len, default="/" if request.path == "/" else "")


def _link(path: str, entry: Entry, current: str, session: Session) -> Link:
    count = entry.count(session) if entry.count else 0
    return Link(path, entry.text, entry.icon, path == current, count)


class QueueWatch:
    """Whether Redis answers, asked once in :data:`QUEUE_LOOK_S` seconds, however many pages are read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at = -QUEUE_LOOK_S
        self._is_reachable = True

    def is_reachable(self, settings: Settings) -> bool:
        """The answer of the last look. Takes 0.3 s at most; only one thread at a time looks."""
        if time.monotonic() - self._asked_at >= QUEUE_LOOK_S and self._lock.acquire(blocking=False):
            try:
                self._is_reachable = is_redis_reachable(settings)
                self._asked_at = time.monotonic()
            finally:
                self._lock.release()
        return self._is_reachable


def is_queue_reachable() -> bool:
    """Whether Redis answered at the last look, some seconds ago at most."""
    watch: QueueWatch = current_app.extensions.setdefault("queue_watch", QueueWatch())
    return watch.is_reachable(web.runtime().settings)
