"""The first page, the search, and what the frame of every page shows."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from webapp.access import ANYONE, PUBLIC, may
from webapp.home.frame import account_links, is_queue_reachable, navigation
from webapp.presentation import highlighting_styles

home = Blueprint("home", __name__)

HIGHLIGHTING_KEPT_S = 3600  # by browsers; it changes with a release only


@home.app_context_processor
def _frame() -> dict[str, Any]:
    # Functions: a page without a frame, for instance of a failed request, must not ask the database.
    return {
        "navigation": navigation,
        "account_links": account_links,
        "is_queue_reachable": is_queue_reachable,
    }


@home.get("/")
@may(ANYONE)
def index() -> ResponseReturnValue:
    """What waits for the user."""
    return render_template("home/index.html")


@home.get("/search")
@may(ANYONE)
def search() -> ResponseReturnValue:
    """What the user may see and fits ``?q=``."""
    return render_template("home/index.html")


@home.get("/highlighting.css")
@may(PUBLIC)
def highlighting() -> ResponseReturnValue:
    """The colours of highlighted T-SQL."""
    answer = Response(highlighting_styles(), mimetype="text/css")
    answer.cache_control.max_age = HIGHLIGHTING_KEPT_S
    answer.cache_control.public = True
    return answer
