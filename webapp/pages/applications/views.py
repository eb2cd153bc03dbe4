"""Applications: the list, and one application with its tabs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import selectinload

from webapp.applications.connections import connection_strings
from webapp.applications.listing import deployed_databases, endpoint_of, worst_percent
from webapp.applications.measuring import measure, measurement_of
from webapp.applications.models import (
    Application,
    ApplicationDatabase,
    ApplicationLogin,
    ApplicationState,
)
from webapp.applications.naming import MAIN_LOGIN
from webapp.applications.operations import reveal_password
from webapp.applications.visibility import get_part, visible_applications
from webapp.bookings.visibility import acting_user
from webapp.bookings.wording import RIGHTS
from webapp.pages.applications.filters import application_filter
from webapp.pages.applications.tabs import common, find, tab_page
from webapp.web import session as web
from webapp.web.access import ANYONE, BOOKERS, actor, may

applications = Blueprint("applications", __name__, url_prefix="/applications")


@applications.get("")
@may(ANYONE)
def index() -> ResponseReturnValue:
    """Applications: one's own, or all for the staff. What is gone is shown when asked for."""
    session = web.session()
    user = acting_user(session, actor())
    wanted = application_filter(request.args)
    query = wanted.applied(visible_applications(user)).options(
        selectinload(Application.databases), selectinload(Application.customer)
    )
    page = web.page_by_id(query, Application.id, after=request.args.get("after"))
    return render_template(
        "applications/index.html",
        page=page, text=wanted.q, state=wanted.state, states=list(ApplicationState),
        worst_percent=worst_percent,
    )  # fmt: skip


@applications.get("/<application_id>")
@may(ANYONE)
def show(application_id: str) -> ResponseReturnValue:
    """The overview: state, address, connection strings."""
    application = find(application_id)
    return render_template("applications/overview.html", **_overview(application))


@applications.get("/<application_id>/<any(databases, logins, activity, delete):tab>")
@may(ANYONE)
def show_tab(application_id: str, tab: str) -> ResponseReturnValue:
    """One of the other tabs."""
    return tab_page(find(application_id), tab)


@applications.post("/<application_id>/logins/<login_id>/password")
@may(BOOKERS)
def reveal(application_id: str, login_id: str) -> ResponseReturnValue:
    """Show a password, for the only time."""
    session = web.session()
    application = find(application_id)
    login = get_part(session, ApplicationLogin, application, login_id)
    password = reveal_password(session, actor(), login)
    session.commit()
    strings = {}
    for database in deployed_databases(application):
        if endpoint := endpoint_of(application, database.full_name, login.full_name):
            strings[database.full_name] = connection_strings(endpoint, password)
    page = render_template(
        "applications/password.html",
        **common(application, "logins"), login=login, password=password, strings=strings,
    )  # fmt: skip
    return page, 200, {"Cache-Control": "no-store", "Pragma": "no-cache"}


@applications.post("/<application_id>/measure")
@may(BOOKERS)
def measure_now(application_id: str) -> ResponseReturnValue:
    """Have the databases measured."""
    session = web.session()
    application = find(application_id)
    measure(session, actor(), application)
    session.commit()
    return redirect(url_for("applications.show_tab", application_id=application.id, tab="databases"))


@applications.get("/<application_id>/measurement")
@may(ANYONE)
def measurement(application_id: str) -> ResponseReturnValue:
    """Whether the databases are being measured, as JSON; the page shows the figures when they are there."""
    is_running = measurement_of(web.session(), find(application_id)) is not None
    return {"is_running": is_running}, 200, {"Cache-Control": "no-store"}


def _overview(application: Application) -> dict[str, Any]:
    databases = deployed_databases(application)
    login = f"{application.name}_{MAIN_LOGIN}"
    wanted = request.args.get("database", "")
    chosen: ApplicationDatabase | None = next(
        (database for database in databases if database.name_key == wanted.lower()),
        databases[0] if databases else None,
    )
    endpoint = endpoint_of(application, chosen.full_name, login) if chosen else None
    return {
        **common(application, "overview"),
        "databases": databases,
        "chosen": chosen,
        "endpoint": endpoint,
        "strings": connection_strings(endpoint) if endpoint else [],
        "login": next((one for one in application.logins if one.name_key == MAIN_LOGIN), None),
        "rights": RIGHTS,
    }
