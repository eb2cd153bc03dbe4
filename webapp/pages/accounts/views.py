"""Log in, log out, register."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    after_this_request,
    flash,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from webapp.accounts.fields import email_from
from webapp.accounts.hashes import token_hash
from webapp.accounts.models import User, UserState
from webapp.accounts.operations import authenticate, register
from webapp.accounts.sessions import end_session
from webapp.audit.operations import Actor, record
from webapp.errors import InvalidInput
from webapp.pages.accounts.forms import LoginForm, RegisterForm
from webapp.pages.accounts.log_in import begin_session
from webapp.web import session as web
from webapp.web.access import ANYONE, PUBLIC, actor, may
from webapp.web.extensions import limiter

accounts = Blueprint("accounts", __name__)

WRONG = "E-mail or password is wrong."
# Told to those only who know the password: nobody else learns that there is an account.
NOT_YET = "Your account waits for an admin. You can log in as soon as one has approved it."
CHANGED = "Your account was changed in the platform database. Ask an admin of the platform to look at it."


def _login_rate() -> str:
    return web.runtime().settings.login_rate


def _account_rate() -> str:
    return web.runtime().settings.account_rate


def _account_key() -> str:
    """Of the account that is tried, whether there is one or not. However spelt; Redis gets no address."""
    email = request.form.get("email", "")
    with suppress(InvalidInput):
        email = email_from(email)
    return f"account {token_hash(email)}"


def _give_back(response: Response) -> Response:
    """Only wrong passwords count. Every try is counted first, so that none of many at once is forgotten."""
    if not g.get("is_wrong_password"):
        for one in limiter.current_limits:
            if _account_key() in one.key:
                limiter.storage.incr(one.key, one.limit.get_expiry(), amount=-1)
    return response


@accounts.route("/login", methods=["GET", "POST"])
@may(PUBLIC)
@limiter.limit(_login_rate, methods=["POST"])
@limiter.limit(_account_rate, key_func=_account_key, methods=["POST"])
def login() -> ResponseReturnValue:
    """Log in by e-mail and password."""
    after_this_request(_give_back)
    form = LoginForm()
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(_next_page())
    if not form.validate_on_submit():
        return render_template("accounts/login.html", form=form), 422 if form.is_submitted() else 200
    session = web.session()
    user = authenticate(session, form.email.data, form.password.data)
    if user is None:
        g.is_wrong_password = True
        flash(WRONG, "danger")
        return render_template("accounts/login.html", form=form), 422
    by = Actor("user", user.email, id=user.id, address=request.remote_addr)
    about = {"object_kind": "user", "object_id": user.id, "object_name": user.email}
    if user.state is not UserState.ACTIVE or not user.is_intact:
        record(session, by, "user:kept_out", **about, state=user.state.value, is_intact=user.is_intact)
        session.commit()
        return render_template("accounts/kept_out.html", user=user, text=_why_not(user)), 403
    if current_user.is_authenticated:
        end_session(session, actor(), current_user.session_id, user_id=current_user.id)
    logged_in = begin_session(session, user)
    record(session, by, "user:logged_in", **about)
    session.commit()
    login_user(logged_in)
    return redirect(_next_page())


def _why_not(user: User) -> str:
    if not user.is_intact:
        return CHANGED
    if user.state is UserState.PENDING:
        return NOT_YET
    word = "was not approved" if user.state is UserState.REJECTED else "is disabled"
    return f"Your account {word}."


def _next_page() -> str:
    """Where the user wanted to go; only inside this portal."""
    try:
        wanted = urlsplit(request.args.get("next", ""))
    except ValueError:
        return url_for("home.index")
    is_ours = (
        not wanted.scheme and not wanted.netloc and wanted.path.startswith("/") and "\\" not in wanted.path
    )
    if not is_ours or wanted.path.startswith("//"):
        return url_for("home.index")
    return f"{wanted.path}?{wanted.query}" if wanted.query else wanted.path


@accounts.post("/logout")
@may(ANYONE)
def logout() -> ResponseReturnValue:
    """End this session, here and in the database."""
    session = web.session()
    end_session(session, actor(), current_user.session_id, user_id=current_user.id)
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
    cookie.clear()
    return redirect(url_for("accounts.login"))


@accounts.route("/register", methods=["GET", "POST"])
@may(PUBLIC)
@limiter.limit(_login_rate, methods=["POST"])
def registration() -> ResponseReturnValue:
    """Ask for an account."""
    form = RegisterForm()
    if not form.validate_on_submit():
        return render_template("accounts/register.html", form=form), 422 if form.is_submitted() else 200
    session = web.session()
    register(
        session,
        email=form.email.data,
        name=form.name.data,
        password=form.password.data,
        message=form.message.data,
        address=request.remote_addr,
    )
    session.commit()
    return redirect(url_for("accounts.registered"))


@accounts.get("/registered")
@may(PUBLIC)
def registered() -> ResponseReturnValue:
    """What happens next; the same whether the e-mail had an account or not."""
    return render_template("accounts/registered.html")
