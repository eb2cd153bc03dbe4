"""What happens to applications without a booking: a password is looked at once."""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.applications.models import ApplicationLogin
from webapp.audit.operations import Actor, record
from webapp.database import locked, now
from webapp.errors import Conflict, NotAllowed
from webapp.signed_rows import require_intact


def reveal_password(session: Session, actor: Actor, login: ApplicationLogin) -> str:
    """The login's password, for the last time: it is removed from the platform database.

    Only the application's customer may see it, no member of the staff. Raises :class:`NotAllowed`,
    :class:`Conflict` when it was seen before (of two at once, one sees it), and RowChanged when somebody else
    made the application theirs in the database.
    """
    if login.application.customer_id != actor.id:
        raise NotAllowed("Only the customer whose application it is may see the password.")
    row = locked(session, ApplicationLogin, login.id)
    if row is not None:
        require_intact(row, row.application)
    password = row.password if row else None
    if row is None or password is None:
        raise Conflict(
            f"The password of {login.full_name} was shown before and is not kept. Reset it to get a new one."
        )
    row.password, row.password_revealed_at = None, now()
    record(
        session, actor, "login:password_revealed", object_kind="login", object_id=login.id,
        object_name=login.full_name, application_id=login.application_id,
    )  # fmt: skip
    return str(password)
