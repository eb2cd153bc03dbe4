"""GET /api/v1/inventory: pools and instances, for the inventory plugin sqlhosting.mssql.platform."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from webapp.api.auth import api_actor, caller, may_see_secrets
from webapp.api.views import api
from webapp.audit.operations import record
from webapp.pools.inventory import api_inventory
from webapp.web import session as web
from webapp.web.access import STAFF, may


@api.get("/inventory")
@may(STAFF)
def inventory() -> Response:
    """All pools and instances; with passwords only for a token that may see them, which is audited."""
    with_secrets = may_see_secrets(*caller())
    if with_secrets:
        with web.runtime().database.transaction() as session:
            answer: dict[str, Any] = api_inventory(session, with_secrets=True)
            _, token = caller()
            record(
                session, api_actor(), "inventory:read_with_secrets", object_kind="inventory",
                token_id=token.id, token_name=token.name,
            )  # fmt: skip
    else:
        answer = api_inventory(web.session(), with_secrets=False)
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response
