"""Every room's pages, on one line each: start here to find a page."""

from __future__ import annotations

from flask import Flask

from webapp.api.inventory import api
from webapp.pages.accounts.own import account
from webapp.pages.accounts.users import users
from webapp.pages.accounts.views import accounts
from webapp.pages.applications.changes import application_changes
from webapp.pages.applications.views import applications
from webapp.pages.approvals.views import approvals
from webapp.pages.bookings.views import bookings
from webapp.pages.bookings.wizard import wizard
from webapp.pages.home.views import home
from webapp.pages.jobs.routes import jobs, register_dashboard
from webapp.pages.policies.views import policies
from webapp.pages.pools.elevated_accounts import elevated
from webapp.pages.pools.instances import instances
from webapp.pages.pools.views import pools
from webapp.pages.statements.views import statements


def register_blueprints(app: Flask) -> None:
    """Register all rooms."""
    app.register_blueprint(home)  # /
    app.register_blueprint(accounts)  # /login /logout /register
    app.register_blueprint(account)  # /account: one's own
    app.register_blueprint(users)  # /users
    app.register_blueprint(wizard)  # /book
    app.register_blueprint(bookings)  # /bookings
    app.register_blueprint(applications)  # /applications
    app.register_blueprint(application_changes)  # /applications/<id>/…: its forms
    app.register_blueprint(approvals)  # /approvals
    app.register_blueprint(policies)  # /policies
    app.register_blueprint(pools)  # /pools
    app.register_blueprint(instances)  # /instances
    app.register_blueprint(elevated)  # /elevated-accounts
    app.register_blueprint(api)  # /api/v1
    app.register_blueprint(jobs)  # /jobs /schedules /workers
    app.register_blueprint(statements)  # /statements
    register_dashboard(app, app.extensions["sqlhosting"].settings)  # /ops/rq
