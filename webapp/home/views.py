"""The first page."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.access import ANYONE, may

home = Blueprint("home", __name__)


@home.get("/")
@may(ANYONE)
def index() -> ResponseReturnValue:
    """What waits for the user."""
    return render_template("home/index.html")
