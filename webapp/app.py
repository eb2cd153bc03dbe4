"""The portal: ``create_app(settings)``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp.pages.blueprints import register_blueprints
from webapp.runtime import Runtime, create_runtime
from webapp.settings import Settings
from webapp.web import session as web
from webapp.web.access import STATIC, guard
from webapp.web.error_pages import register_error_pages
from webapp.web.extensions import bootstrap, csrf, limiter, login_manager, talisman
from webapp.web.presentation import register_presentation
from webapp.web.static_files import register_static_files

LARGEST_FORM_BYTES = 1024 * 1024
# Nothing is loaded from elsewhere. Scripts of pages carry a nonce; style attributes are Bootstrap's bars.
CONTENT_SECURITY_POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "style-src": ["'self'", "'unsafe-inline'"],
    "script-src": "'self'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}


def create_app(settings: Settings, *, runtime: Runtime | None = None, **config: Any) -> Flask:
    """The WSGI application. Raises PlatformNotReady when the database or the keys do not fit.

    ``runtime``: one that is open already. ``config``: Flask settings, for tests.
    """
    app = Flask("webapp")
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        MAX_CONTENT_LENGTH=LARGEST_FORM_BYTES,
        SESSION_COOKIE_NAME="sqlhosting",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.has_secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        BOOTSTRAP_SERVE_LOCAL=True,
        BOOTSTRAP_BOOTSWATCH_THEME=None,
        RATELIMIT_STORAGE_URI=settings.redis_url.get_secret_value(),
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,  # a Redis that is down must not keep people out
        RATELIMIT_KEY_PREFIX="sqlhosting",
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.config.update(config)
    if settings.is_behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    app.extensions["sqlhosting"] = runtime or create_runtime(settings)
    bootstrap.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)
    login_manager.init_app(app)
    talisman.init_app(
        app,
        content_security_policy=CONTENT_SECURITY_POLICY,
        content_security_policy_nonce_in=["script-src"],
        force_https=settings.has_secure_cookies,
        session_cookie_secure=settings.has_secure_cookies,
        strict_transport_security=settings.has_secure_cookies,
        referrer_policy="same-origin",
    )
    app.before_request(guard)
    app.after_request(_keep_nowhere)
    app.teardown_request(web.close_session)
    register_static_files(app)
    register_presentation(app)
    register_error_pages(app)
    register_blueprints(app)
    return app


def _keep_nowhere(response: Response) -> Response:
    """Pages are of one user: neither a proxy nor the next person at the same browser finds them again."""
    if request.endpoint not in STATIC:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
