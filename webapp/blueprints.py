"""Every room's pages, on one line each: start here to find a page."""

from __future__ import annotations

from flask import Flask

from webapp.accounts.views import accounts
from webapp.home.views import home


def register_blueprints(app: Flask) -> None:
    """Register all rooms."""
    app.register_blueprint(home)  # /
    app.register_blueprint(accounts)  # /login /logout /register /account /users
