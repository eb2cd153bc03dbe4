"""What an application's pages show; the views and the forms of its tabs share it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import render_template
from sqlalchemy.orm import Session, selectinload

from webapp.applications.measuring import measurement_of
from webapp.applications.models import APPLICATION, Application, ApplicationState
from webapp.applications.naming import MAIN_LOGIN, is_taken
from webapp.applications.visibility import get_application, may_change
from webapp.bookings.models import Booking
from webapp.bookings.open_bookings import OPEN_STATES, in_the_way
from webapp.bookings.parameters import floor_gib, largest_size_mib
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import about, acting_user, visible_bookings, with_application
from webapp.bookings.wording import RIGHTS
from webapp.database import new_id
from webapp.errors import InvalidInput
from webapp.jobs.models import Job
from webapp.jobs.subjects import is_about
from webapp.jobs.visibility import visible_jobs
from webapp.pages.bookings.collations import in_words
from webapp.pages.bookings.states import shown_states
from webapp.pools.collations import default_collation
from webapp.pools.listing import collations_of, locked_out
from webapp.web import session as web
from webapp.web.access import actor

SHOWN_ACTIVITY = 50  # requests and jobs each; older ones are under Requests and Jobs


def find(application_id: str) -> Application:
    """The application, when the user may see it."""
    session = web.session()
    return get_application(session, acting_user(session, actor()), application_id)


def tab_page(
    application: Application,
    tab: str,
    *,
    typed: dict[str, Any] | None = None,
    errors: dict[str, InvalidInput] | None = None,
    form: str = "",
) -> str:
    """A tab. ``typed`` and ``errors``: what came of the form ``form`` on it (the id of a part, or "add")."""
    facts: dict[str, Any] = {"typed": typed or {}, "errors": errors or {}, "form": form, "rights": RIGHTS}
    if tab == "databases":
        facts |= _database_facts(application)
    elif tab == "logins":
        facts["logins"] = [login for login in application.logins if is_taken(login)]
        facts["main_login"] = MAIN_LOGIN
        facts["locked_at"] = _locked_at(application)
    elif tab == "activity":
        facts |= _activity_facts(application)
    return render_template(f"applications/{tab}.html", **common(application, tab), **facts)


def _locked_at(application: Application) -> dict[str, datetime]:
    """Of logins that are locked out, by id, when that was seen; a password set since then unlocked one."""
    if application.instance_id is None:
        return {}
    seen = locked_out(web.session(), application.instance_id)
    return {
        login.id: at
        for login in application.logins
        if (at := seen.get(login.full_name.lower()))
        and (login.password_set_at is None or login.password_set_at < at)
    }


def common(application: Application, tab: str) -> dict[str, Any]:
    """What every tab shows."""
    session = web.session()
    user = acting_user(session, actor())
    query = visible_bookings(user).where(*about(APPLICATION, application.id), Booking.state.in_(OPEN_STATES))
    open_bookings = list(session.scalars(query.order_by(Booking.id)))
    return {
        "application": application,
        "tab": tab,
        "is_there": application.state is ApplicationState.DEPLOYED,
        "is_kept": application.state is ApplicationState.DELETED and is_taken(application),
        "may_change": may_change(user, application),
        "is_customer": application.customer_id == user.id,
        "is_operator": user.is_operator,
        "open_bookings": open_bookings,
        "waits_for": lambda kind, part_id=None: in_the_way(open_bookings, kind, part_id),
        "shown": shown_states(session, open_bookings),
        "title_for": title_for,
        "token": new_id(),  # the same form sent twice is one request
    }


def _database_facts(application: Application) -> dict[str, Any]:
    session = web.session()
    return {
        "databases": [database for database in application.databases if is_taken(database)],
        "collations": collations_of(session, application.pool),
        "default": default_collation(session, application.pool),
        "measuring": measurement_of(session, application) is not None,
        "largest_gib": _largest_gib(session, application),
        "in_words": in_words,
    }


def _largest_gib(session: Session, application: Application) -> dict[str, str]:
    """How large each database may become now, and, under "add", a new one."""
    pool = application.pool
    found = {"add": floor_gib(largest_size_mib(session, pool, application=application))}
    for database in application.databases:
        most = largest_size_mib(session, pool, application=application, before=database)
        found[database.id] = floor_gib(max(most, database.data_limit_mib))
    return found


def _activity_facts(application: Application) -> dict[str, Any]:
    session = web.session()
    user = acting_user(session, actor())
    bookings = (
        visible_bookings(user)
        .where(*about(APPLICATION, application.id))
        .options(selectinload(Booking.requester), *with_application())
        .order_by(Booking.id.desc())
        .limit(SHOWN_ACTIVITY)
    )
    jobs = visible_jobs(user).where(is_about(APPLICATION, application.id))
    shown_bookings = list(session.scalars(bookings))
    return {
        "bookings": shown_bookings,
        "states": shown_states(session, shown_bookings),
        "jobs": list(session.scalars(jobs.order_by(Job.id.desc()).limit(SHOWN_ACTIVITY))),
        "templates": web.runtime().templates,
    }
