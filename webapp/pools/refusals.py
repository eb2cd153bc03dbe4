"""Show in a form what an operation refused."""

from __future__ import annotations

from flask import flash

from webapp import web
from webapp.errors import InvalidInput, PlatformError
from webapp.pools.forms import RefusableForm


def refused(form: RefusableForm, error: PlatformError) -> int:
    """Undo what was begun, put the error to its field or on top of the page; the answer's status."""
    web.session().rollback()
    if not (isinstance(error, InvalidInput) and form.refuse(error)):
        flash(str(error), "danger")
    return error.status
