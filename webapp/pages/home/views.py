"""The first page, the search, and what the frame of every page shows."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.bookings.plans import Plan, PlanState
from webapp.pages.home import customer, staff
from webapp.pages.home.frame import account_links, is_queue_reachable, may_open, navigation
from webapp.pages.home.searching import only_exact
from webapp.pages.home.searching import search as search_for
from webapp.web import session as web
from webapp.web.access import ANYONE, PUBLIC, may
from webapp.web.presentation import highlighting_styles

home = Blueprint("home", __name__)

HIGHLIGHTING_KEPT_S = 3600  # by browsers; it changes with a release only


@home.app_context_processor
def _frame() -> dict[str, Any]:
    # Functions: a page without a frame, for instance of a failed request, must not ask the database.
    return {
        "navigation": navigation,
        "account_links": account_links,
        "is_queue_reachable": is_queue_reachable,
        "may_open": may_open,
    }


@home.get("/")
@may(ANYONE)
def index() -> ResponseReturnValue:
    """What waits for the user."""
    session = web.session()
    if not current_user.is_staff:
        return render_template(
            "home/customer.html",
            cards=customer.application_cards(session, current_user),
            requests=customer.open_requests(session, current_user),
        )
    fills = staff.pool_fills(session)
    return render_template(
        "home/staff.html",
        approvals=staff.approvals_waiting(session),
        approvals_count=staff.count_of(session, Plan.state == PlanState.READY),
        job_counts=staff.job_counts(session),
        jobs=staff.jobs_under_way(session),
        attention=staff.attention(session, fills, is_admin=current_user.is_admin),
        fills=fills,
        # An operator can book for themselves.
        requests=customer.open_requests(session, current_user),
    )


@home.get("/search")
@may(ANYONE)
def search() -> ResponseReturnValue:
    """What the user may see and fits ``?q=``; the page itself when its id was typed."""
    text = request.args.get("q", "")
    hits = search_for(web.session(), current_user, text)
    exact = only_exact(hits)
    if exact is not None and may_open(exact.place.endpoint):
        return redirect(exact.place.path)
    groups = [(kind, list(found)) for kind, found in groupby(hits, key=lambda hit: hit.kind)]
    return render_template("home/search.html", text=text.strip(), groups=groups)


@home.get("/highlighting.css")
@may(PUBLIC)
def highlighting() -> ResponseReturnValue:
    """The colours of highlighted T-SQL."""
    answer = Response(highlighting_styles(), mimetype="text/css")
    answer.cache_control.max_age = HIGHLIGHTING_KEPT_S
    answer.cache_control.public = True
    return answer
