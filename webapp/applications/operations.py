"""What happens to applications without a booking: a password is looked at once."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from webapp.applications.models import ApplicationLogin
from webapp.audit.operations import Actor, record
from webapp.database import now
from webapp.errors import Conflict, NotAllowed


def reveal_password(session: Session, actor: Actor, login: ApplicationLogin) -> str:
    """The login's password, for the last time: it is removed from the platform database.

    Only the application's customer may see it, no member of the staff. Raises :class:`NotAllowed`, and
    :class:`Conflict` when it was seen before; of two at once, one sees it.
    """
    if login.application.customer_id != actor.id:
        raise NotAllowed("Only the customer whose application it is may see the password.")
    seen = select(ApplicationLogin.password).where(ApplicationLogin.id == login.id)
    password = session.scalars(seen).one()
    changed = session.execute(
        update(ApplicationLogin)
        .where(ApplicationLogin.id == login.id, ApplicationLogin.password.is_not(None))
        .values(password=None, password_revealed_at=now())
        .execution_options(synchronize_session=False)
    )
    if password is None or cast("CursorResult[Any]", changed).rowcount != 1:
        raise Conflict(
            f"The password of {login.full_name} was shown before and is not kept. Reset it to get a new one."
        )
    session.refresh(login, ["password_revealed_at"])
    record(
        session, actor, "login:password_revealed", object_kind="login", object_id=login.id,
        object_name=login.full_name, application_id=login.application_id,
    )  # fmt: skip
    return password
