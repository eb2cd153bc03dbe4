"""The REST API's blueprint. It guards itself by tokens: webapp/api/auth.py."""

from __future__ import annotations

from flask import Blueprint

from webapp.api.auth import protect

api = Blueprint("api", __name__, url_prefix="/api/v1")
protect(api)
