"""The forms of an application's tabs: each of them makes a booking."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.bookings.kinds import application, database, login
from webapp.bookings.models import Booking
from webapp.errors import InvalidInput
from webapp.pages.applications.tabs import find, tab_page
from webapp.pages.bookings.typed import database_wish, login_wish, size_wish
from webapp.web import session as web
from webapp.web.access import BOOKERS, OPERATORS, actor, may

application_changes = Blueprint("application_changes", __name__, url_prefix="/applications")


@application_changes.post("/<application_id>/databases")
@may(BOOKERS)
def add_database(application_id: str) -> ResponseReturnValue:
    """Ask for one more database."""
    return _ask(
        application_id,
        "databases",
        "add",
        lambda: database.submit_database(
            web.session(), actor(), application_id, database_wish(request.form),
            reason=_reason(), token=_token(),
        ),
    )  # fmt: skip


@application_changes.post("/<application_id>/databases/<database_id>/size")
@may(BOOKERS)
def resize_database(application_id: str, database_id: str) -> ResponseReturnValue:
    """Ask for another limit."""
    return _ask(
        application_id,
        "databases",
        database_id,
        lambda: database.submit_resize(
            web.session(), actor(), application_id, database_id, size_wish(request.form),
            reason=_reason(), token=_token(),
        ),
    )  # fmt: skip


@application_changes.post("/<application_id>/logins")
@may(BOOKERS)
def add_login(application_id: str) -> ResponseReturnValue:
    """Ask for one more login."""
    return _ask(
        application_id,
        "logins",
        "add",
        lambda: login.submit_login(
            web.session(), actor(), application_id, login_wish(request.form),
            reason=_reason(), token=_token(),
        ),
    )  # fmt: skip


@application_changes.post("/<application_id>/logins/<login_id>/reset")
@may(BOOKERS)
def reset_login(application_id: str, login_id: str) -> ResponseReturnValue:
    """Ask for a new password."""
    return _ask(
        application_id,
        "logins",
        login_id,
        lambda: login.submit_reset(
            web.session(),
            actor(),
            application_id,
            login_id,
            reason=_reason(),
            token=_token(),
        ),
    )


@application_changes.post("/<application_id>/logins/<login_id>/remove")
@may(BOOKERS)
def remove_login(application_id: str, login_id: str) -> ResponseReturnValue:
    """Ask for a login's removal."""
    return _ask(
        application_id,
        "logins",
        login_id,
        lambda: login.submit_removal(
            web.session(),
            actor(),
            application_id,
            login_id,
            reason=_reason(),
            token=_token(),
        ),
    )


@application_changes.post("/<application_id>/delete")
@may(BOOKERS)
def delete(application_id: str) -> ResponseReturnValue:
    """Ask for the application to be put out of reach."""
    return _delete(application_id, purge=False)


@application_changes.post("/<application_id>/purge")
@may(OPERATORS)
def purge(application_id: str) -> ResponseReturnValue:
    """Ask for the application to be dropped with its data."""
    return _delete(application_id, purge=True)


def _delete(application_id: str, *, purge: bool) -> ResponseReturnValue:
    return _ask(
        application_id,
        "delete",
        "purge" if purge else "delete",
        lambda: application.submit_deletion(
            web.session(), actor(), application_id,
            purge=purge, confirm=request.form.get("confirm", ""), reason=_reason(), token=_token(),
        ),
    )  # fmt: skip


def _reason() -> str | None:
    return request.form.get("reason")


def _token() -> str:
    return request.form.get("token", "")


def _ask(application_id: str, tab: str, form: str, submit: Callable[[], Booking]) -> ResponseReturnValue:
    """The request's page, or the tab again with what was typed and what is wrong with it."""
    session = web.session()
    try:
        booking = submit()
    except InvalidInput as error:
        session.rollback()
        typed = {**request.form.to_dict(), "chosen": request.form.getlist("databases")}
        page = tab_page(find(application_id), tab, typed=typed, errors={error.field: error}, form=form)
        return page, 422
    session.commit()
    return redirect(url_for("bookings.show", booking_id=booking.id))
