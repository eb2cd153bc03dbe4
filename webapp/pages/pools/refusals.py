"""Show in a form what an operation refused."""

from __future__ import annotations

from flask import Response, flash, g
from flask_login import current_user

from webapp.audit.operations import record
from webapp.errors import InvalidInput, PlatformError
from webapp.pools.account_password import WrongPassword
from webapp.web import session as web
from webapp.web.access import actor
from webapp.web.extensions import limiter
from webapp.web.forms import RefusableForm

GUESSES = "10 per hour"  # wrong passwords of elevated accounts, for each user


def refused(form: RefusableForm, error: PlatformError) -> int:
    """Undo what was begun, put the error to its field or on top of the page; the answer's status."""
    web.session().rollback()
    if isinstance(error, WrongPassword):
        _note_guess(error)
    if not (isinstance(error, InvalidInput) and form.refuse(error)):
        flash(str(error), "danger")
    return error.status


def _note_guess(error: WrongPassword) -> None:
    g.is_guess = True
    session = web.session()
    record(
        session, actor(), "elevated_account:wrong_password", object_kind="elevated_account",
        object_id=error.account_id, object_name=error.account_name,
    )  # fmt: skip
    session.commit()


def _is_guess(_response: Response) -> bool:
    return bool(g.get("is_guess"))


# For views whose forms ask for an elevated account's password: nobody finds it by trying.
limit_guesses = limiter.shared_limit(
    GUESSES,
    scope="elevated account password",
    key_func=lambda: f"user {current_user.id}",
    methods=["POST"],
    deduct_when=_is_guess,
)
