"""Who calls the API: ``Authorization: Bearer sqlh_…``, a token of a user of the portal.

``protect(blueprint)`` guards every view of a blueprint: the views declare roles by ``@may(ROLES)`` as pages
do, and find the caller by :func:`caller`. Answers 401, 403 and 429 are JSON, as all errors below /api.
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, g, request
from flask_limiter.util import get_remote_address
from sqlalchemy.orm import Session

from webapp.accounts.hashes import token_hash
from webapp.accounts.models import ApiToken, User
from webapp.accounts.tokens import find_token, note_use
from webapp.audit.operations import Actor
from webapp.errors import NotAllowed, PlatformError
from webapp.web import session as web
from webapp.web.access import access_of
from webapp.web.extensions import csrf, limiter

RATE = "600 per minute"  # for each token
FAILURE_RATE = "30 per minute"  # wrong tokens, for each address
SCHEME = "Bearer"


class NotAuthenticated(PlatformError):
    """No token, or one that does not work (any more). The answer does not say which."""

    status = 401


def token_user(session: Session, authorization_header: str | None) -> tuple[User, ApiToken]:
    """The user behind an ``Authorization`` header, and their token. Reads only.

    Raises :class:`NotAuthenticated` when the header is missing or of another kind, when the token is unknown,
    expired or revoked, or when its user may not log in.
    """
    if not authorization_header:
        raise NotAuthenticated("Send a token: 'Authorization: Bearer sqlh_…'. Make one under API tokens.")
    scheme, _, secret = authorization_header.strip().partition(" ")
    if scheme.lower() != SCHEME.lower() or not secret.strip():
        raise NotAuthenticated("The Authorization header must be 'Bearer' and a token.")
    token = find_token(session, secret.strip())
    if token is None:
        raise NotAuthenticated("This token is unknown, expired or revoked, or its user may not log in.")
    return token.user, token


def may_see_secrets(user: User, token: ApiToken) -> bool:
    """Whether passwords of elevated accounts may be in the answer: for admins only."""
    return token.sees_secrets and user.is_admin


def caller() -> tuple[User, ApiToken]:
    """The user and the token behind the current request, in a view of a protected blueprint."""
    return cast(tuple[User, ApiToken], g.api_caller)


def api_actor() -> Actor:
    """The caller, for operations and the audit."""
    user, _ = caller()
    return Actor("user", user.email, id=user.id, address=request.remote_addr)


def protect(blueprint: Blueprint) -> None:
    """Let only tokens in, of users whose role the view declares; limit how often. Call it once."""
    csrf.exempt(blueprint)  # no cookie is looked at here
    limiter.limit(RATE, key_func=_caller_key)(blueprint)
    limiter.limit(FAILURE_RATE, key_func=get_remote_address, deduct_when=_is_unauthenticated)(blueprint)
    blueprint.before_request(_let_in)
    blueprint.after_request(_ask_for_token)


def _let_in() -> None:
    roles = access_of(current_app, request.endpoint or "")
    if roles is None:
        raise NotAllowed("This address does not say who may call it.")
    with web.runtime().database.reading() as session:
        user, token = token_user(session, request.headers.get("Authorization"))
    note_use(web.runtime().database, token)
    if user.role not in roles:
        raise NotAllowed
    g.api_caller = (user, token)


def _caller_key() -> str:
    header = request.headers.get("Authorization")
    return token_hash(header) if header else get_remote_address()


def _is_unauthenticated(response: Response) -> bool:
    return response.status_code == NotAuthenticated.status


def _ask_for_token(response: Response) -> Response:
    if response.status_code == NotAuthenticated.status:
        response.headers["WWW-Authenticate"] = SCHEME
    return response
