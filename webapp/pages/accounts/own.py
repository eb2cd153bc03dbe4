"""A user's own account: name, password, sessions, API tokens."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import Field

from webapp.accounts.listing import user_by_id
from webapp.accounts.operations import change_name, change_password
from webapp.accounts.sessions import end_session, end_sessions, open_sessions
from webapp.accounts.tokens import create_token, is_usable, revoke_token, tokens_of
from webapp.audit.operations import record
from webapp.errors import Conflict, InvalidInput, NotAllowed
from webapp.pages.accounts.forms import NameForm, PasswordForm, TokenForm
from webapp.web import session as web
from webapp.web.access import ANYONE, actor, may
from webapp.web.extensions import limiter

account = Blueprint("account", __name__, url_prefix="/account")


@account.get("")
@may(ANYONE)
def show() -> ResponseReturnValue:
    """The user's own account."""
    return _page()


def _page(*, name: NameForm | None = None, password: PasswordForm | None = None) -> ResponseReturnValue:
    """The page; with the form that could not be accepted."""
    session = web.session()
    is_refused = name is not None or password is not None
    page = render_template(
        "accounts/account.html",
        name_form=name or NameForm(formdata=None, name=current_user.name),
        password_form=password or PasswordForm(formdata=None),
        user=user_by_id(session, current_user.id),
        sessions=open_sessions(session, current_user.id),
    )
    return page, 422 if is_refused else 200


@account.post("/name")
@may(ANYONE)
def rename() -> ResponseReturnValue:
    """Save one's own name."""
    form = NameForm()
    if not form.validate_on_submit():
        return _page(name=form)
    change_name(web.session(), actor(), current_user.id, form.name.data)
    web.session().commit()
    flash("Your name is saved.", "success")
    return redirect(url_for("account.show"))


@account.post("/password")
@may(ANYONE)
@limiter.limit(lambda: web.runtime().settings.login_rate)
def new_password() -> ResponseReturnValue:
    """Change one's own password; other sessions end."""
    form = PasswordForm()
    if not form.validate_on_submit():
        return _page(password=form)
    try:
        ended = change_password(
            web.session(),
            actor(),
            current_user.id,
            current=form.current.data,
            new=form.password.data,
            kept_session_id=current_user.session_id,
        )
    except InvalidInput as exc:
        _tell(form, exc)
        return _page(password=form)
    web.session().commit()
    flash(f"Your password is changed. Other sessions that were ended: {ended}.", "success")
    return redirect(url_for("account.show"))


@account.post("/sessions/<session_id>/end")
@may(ANYONE)
def end_one(session_id: str) -> ResponseReturnValue:
    """End one of one's own sessions."""
    end_session(web.session(), actor(), session_id, user_id=current_user.id)
    web.session().commit()
    flash("The session is ended.", "success")
    return redirect(url_for("account.show"))


@account.post("/sessions/end-others")
@may(ANYONE)
def end_others() -> ResponseReturnValue:
    """End all of one's own sessions but this one."""
    session = web.session()
    ended = end_sessions(session, current_user.id, except_id=current_user.session_id)
    if ended:
        record(
            session,
            actor(),
            "user:sessions_ended",
            object_kind="user",
            object_id=current_user.id,
            object_name=current_user.email,
            count=ended,
        )
    session.commit()
    flash(f"Other sessions that were ended: {ended}.", "success")
    return redirect(url_for("account.show"))


@account.get("/tokens")
@may(ANYONE)
def tokens() -> ResponseReturnValue:
    """One's own API tokens."""
    return _token_page(TokenForm(formdata=None))


@account.post("/tokens")
@may(ANYONE)
def new_token() -> ResponseReturnValue:
    """Make a token and show it, this once."""
    form = TokenForm()
    if not form.validate_on_submit():
        return _token_page(form, 422)
    session = web.session()
    try:
        made = create_token(
            session,
            actor(),
            user_by_id(session, current_user.id),
            name=form.name.data,
            days=form.lifetime_days,
            sees_secrets=form.sees_secrets.data,
        )
    except InvalidInput as exc:
        _tell(form, exc)
        return _token_page(form, 422)
    except Conflict as exc:
        form.name.errors = [*form.name.errors, str(exc)]
        return _token_page(form, exc.status)
    except NotAllowed as exc:
        form.sees_secrets.errors = [*form.sees_secrets.errors, str(exc)]
        return _token_page(form, exc.status)
    session.commit()
    return _kept_nowhere(make_response(render_template("accounts/token.html", made=made)))


@account.post("/tokens/<token_id>/revoke")
@may(ANYONE)
def revoke(token_id: str) -> ResponseReturnValue:
    """End one of one's own tokens."""
    token = revoke_token(web.session(), actor(), token_id, user_id=current_user.id)
    web.session().commit()
    flash(f"The token {token.name} is revoked.", "success")
    return redirect(url_for("account.tokens"))


def _token_page(form: TokenForm, status: int = 200) -> ResponseReturnValue:
    listed = tokens_of(web.session(), current_user.id)
    page = render_template("accounts/tokens.html", form=form, tokens=listed, is_usable=is_usable)
    return page, status


def _kept_nowhere(answer: Response) -> Response:
    """A page with a secret in it stays in no cache."""
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _tell(form: FlaskForm, exc: InvalidInput) -> None:
    """Put the problem beside its field."""
    field: Field = form[exc.field]
    field.errors = [*field.errors, f"{exc}."]
