"""Users, for admins; viewers look only."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from webapp.accounts import user_operations
from webapp.accounts.listing import user_by_id
from webapp.accounts.models import PortalRole, UserState
from webapp.accounts.sessions import open_sessions
from webapp.accounts.tokens import is_usable, tokens_of
from webapp.bookings.kinds.registry import kind_of
from webapp.errors import InvalidInput
from webapp.pages.accounts.filters import user_filter
from webapp.pages.accounts.forms import ROLE_WORDS, ApproveForm, ReasonForm, RoleForm
from webapp.pages.accounts.listing import about_user, bookings_of, pending_users, users_page
from webapp.web import session as web
from webapp.web.access import ADMINS, actor, may

users = Blueprint("users", __name__, url_prefix="/users")

READERS = frozenset({PortalRole.ADMIN, PortalRole.VIEWER})


@users.get("")
@may(READERS)
def index() -> ResponseReturnValue:
    """Who waits, then everybody."""
    session = web.session()
    wanted = user_filter(request.args)
    page = users_page(session, wanted, after=request.args.get("after"))
    return render_template(
        "accounts/users.html",
        pending=pending_users(session),
        page=page,
        wanted=wanted,
        states=[each.value for each in UserState],
        roles=[each.value for each in PortalRole],
        role_words=ROLE_WORDS,
    )


@users.get("/<user_id>")
@may(READERS)
def show(user_id: str) -> ResponseReturnValue:
    """A user with role, sessions, requests, and what happened to them."""
    return _page(user_id)


def _page(user_id: str, status: int = 200, refused: FlaskForm | None = None) -> ResponseReturnValue:
    session = web.session()
    user = user_by_id(session, user_id)
    page = render_template(
        "accounts/user.html",
        user=user,
        refused=refused,
        sessions=open_sessions(session, user.id),
        tokens=[token for token in tokens_of(session, user.id) if is_usable(token)],
        bookings=bookings_of(session, user),
        kind_of=kind_of,
        history=about_user(session, user.id, before=request.args.get("before", type=int)),
        role_words=ROLE_WORDS,
    )
    return page, status


@users.post("/<user_id>/approve")
@may(ADMINS)
def approve(user_id: str) -> ResponseReturnValue:
    """Let a user in."""
    form = ApproveForm()
    _require(form)
    seen = UserState.REJECTED if form.seen.data == UserState.REJECTED else UserState.PENDING
    user = user_operations.approve_user(
        web.session(),
        actor(),
        user_id,
        role=PortalRole(form.role.data),
        is_trusted=form.is_trusted.data,
        seen=seen,
    )
    web.session().commit()
    flash(f"{user.email} is approved and can log in as {user.role.value}.", "success")
    return _back(user_id)


@users.post("/<user_id>/reject")
@may(ADMINS)
def reject(user_id: str) -> ResponseReturnValue:
    """Keep a user out, with a reason."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(user_id, 422, form)
    user = user_operations.reject_user(web.session(), actor(), user_id, reason=form.reason.data)
    web.session().commit()
    flash(f"{user.email} is rejected.", "success")
    return _back(user_id)


@users.post("/<user_id>/disable")
@may(ADMINS)
def disable(user_id: str) -> ResponseReturnValue:
    """Keep a user out from now on; their sessions end."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(user_id, 422, form)
    user = user_operations.disable_user(web.session(), actor(), user_id, reason=form.reason.data)
    web.session().commit()
    flash(f"{user.email} is disabled and logged out.", "success")
    return _back(user_id)


@users.post("/<user_id>/enable")
@may(ADMINS)
def enable(user_id: str) -> ResponseReturnValue:
    """Let a disabled user in again."""
    user = user_operations.enable_user(web.session(), actor(), user_id)
    web.session().commit()
    flash(f"{user.email} can log in again.", "success")
    return _back(user_id)


@users.post("/<user_id>/role")
@may(ADMINS)
def role(user_id: str) -> ResponseReturnValue:
    """Change a user's role."""
    form = RoleForm()
    _require(form)
    user = user_operations.change_role(web.session(), actor(), user_id, PortalRole(form.role.data))
    web.session().commit()
    flash(f"{user.email} is {user.role.value} from now on.", "success")
    return _back(user_id)


@users.post("/<user_id>/trust")
@may(ADMINS)
def trust(user_id: str) -> ResponseReturnValue:
    """Let policies approve a user's small bookings, or not."""
    wanted = request.form.get("trusted")
    if wanted not in ("yes", "no"):
        raise InvalidInput("trusted", "It is neither yes nor no", "Use the button on the user's page")
    user = user_operations.set_trusted(web.session(), actor(), user_id, is_trusted=wanted == "yes")
    web.session().commit()
    flash(f"{user.email} is {'trusted' if user.is_trusted else 'not trusted'} from now on.", "success")
    return _back(user_id)


@users.post("/<user_id>/sessions/end")
@may(ADMINS)
def end_sessions(user_id: str) -> ResponseReturnValue:
    """Log a user out everywhere."""
    ended = user_operations.end_all_sessions(web.session(), actor(), user_id)
    web.session().commit()
    flash(f"Sessions that were ended: {ended}.", "success")
    return _back(user_id)


def _require(form: FlaskForm) -> None:
    """Forms of choices only: what does not fit was not made by our page. Raises InvalidInput."""
    if not form.validate_on_submit():
        name, problems = next(iter(form.errors.items()))
        raise InvalidInput(str(name), f"The field {name} does not fit: {problems[0]}", "Load the page again")


def _back(user_id: str) -> ResponseReturnValue:
    return redirect(url_for("users.show", user_id=user_id))
