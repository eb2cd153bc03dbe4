"""Who may call which view. Every view says so; a view that does not is refused to everybody.

The roles here open the door of a page. Whose object it is, is decided by the operation behind it, which
raises NotFound for somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.accounts.models import PortalRole
from webapp.audit.operations import Actor
from webapp.errors import NotAllowed

PUBLIC: frozenset[PortalRole] = frozenset()  # also without an account
ANYONE = frozenset(PortalRole)  # every user who is logged in
ADMINS = frozenset({PortalRole.ADMIN})
OPERATORS = frozenset({PortalRole.ADMIN, PortalRole.OPERATOR})
STAFF = frozenset({PortalRole.ADMIN, PortalRole.OPERATOR, PortalRole.VIEWER})
BOOKERS = frozenset({PortalRole.ADMIN, PortalRole.OPERATOR, PortalRole.CUSTOMER})

_ATTRIBUTE = "access_roles"
STATIC = frozenset({"static", "bootstrap.static"})  # style sheets and scripts
_OWN_GUARD = frozenset(
    {"rq_dashboard", "api"}
)  # blueprints that check by themselves, and say so in their tests

View = TypeVar("View", bound=Callable[..., Any])


def may(roles: frozenset[PortalRole]) -> Callable[[View], View]:
    """Let only users with one of ``roles`` call the view. Put it right below the route."""

    def declare(view: View) -> View:
        setattr(view, _ATTRIBUTE, roles)
        return view

    return declare


def access_of(app: Flask, endpoint: str) -> frozenset[PortalRole] | None:
    """The roles that the endpoint's view declares; None when it declares none."""
    return getattr(app.view_functions[endpoint], _ATTRIBUTE, None)


def guard() -> ResponseReturnValue | None:
    """Before every request: refuse who may not. Raises :class:`NotAllowed`."""
    if "\0" in request.path or b"%00" in request.query_string or b"\0" in request.query_string:
        abort(404)  # no address holds NUL, and PostgreSQL refuses to look for it
    endpoint = request.endpoint
    if endpoint is None or endpoint in STATIC or request.blueprint in _OWN_GUARD:
        return None  # no such page (404 follows), or nothing to guard
    roles = access_of(current_app, endpoint)
    if roles is None:
        raise NotAllowed(f"the page {endpoint} does not say who may see it")
    if roles is PUBLIC or not roles:
        return None
    if not current_user.is_authenticated:
        if request.method in ("GET", "HEAD"):
            return redirect(url_for("accounts.login", next=request.full_path.rstrip("?")))
        raise NotAllowed("Your session has ended. Log in again.")
    if current_user.role not in roles:
        raise NotAllowed
    return None


def actor() -> Actor:
    """The user behind the current request, for operations and the audit."""
    if not current_user.is_authenticated:
        return Actor("user", "anonymous", address=request.remote_addr)
    return Actor("user", current_user.email, id=current_user.id, address=request.remote_addr)
