"""Log in, register, users."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user
from sqlalchemy import select

from webapp import web
from webapp.access import ANYONE, PUBLIC, actor, may
from webapp.accounts.forms import LoginForm
from webapp.accounts.log_in import begin_session
from webapp.accounts.models import User, UserSession, UserState
from webapp.accounts.passwords import is_password
from webapp.audit.operations import Actor, record
from webapp.database import now
from webapp.extensions import limiter

accounts = Blueprint("accounts", __name__)


@accounts.route("/login", methods=["GET", "POST"])
@may(PUBLIC)
@limiter.limit(lambda: web.runtime().settings.login_rate, methods=["POST"])
def login() -> ResponseReturnValue:
    """Log in by e-mail and password."""
    form = LoginForm()
    if form.validate_on_submit():
        session = web.session()
        email = form.email.data.strip().lower()
        user = session.scalars(select(User).where(User.email == email)).one_or_none()
        if (
            is_password(form.password.data, user and user.password_hash)
            and user
            and user.state is UserState.ACTIVE
        ):
            logged_in = begin_session(session, user)
            by = Actor("user", user.email, id=user.id, address=request.remote_addr)
            record(
                session, by, "user:logged_in", object_kind="user", object_id=user.id, object_name=user.email
            )
            session.commit()
            login_user(logged_in)
            return redirect(_next_page())
        flash("E-mail or password is wrong, or the account is not active.", "danger")
    return render_template("accounts/login.html", form=form)


def _next_page() -> str:
    """Where the user wanted to go; only inside this portal."""
    wanted = urlsplit(request.args.get("next", ""))
    is_ours = (
        not wanted.scheme and not wanted.netloc and wanted.path.startswith("/") and "\\" not in wanted.path
    )
    if not is_ours or wanted.path.startswith("//"):
        return url_for("home.index")
    return f"{wanted.path}?{wanted.query}" if wanted.query else wanted.path


@accounts.post("/logout")
@may(ANYONE)
def logout() -> ResponseReturnValue:
    """End this session."""
    session = web.session()
    session.get_one(UserSession, current_user.session_id).ended_at = now()
    record(
        session,
        actor(),
        "user:logged_out",
        object_kind="user",
        object_id=current_user.id,
        object_name=current_user.email,
    )
    session.commit()
    logout_user()
    return redirect(url_for("accounts.login"))
