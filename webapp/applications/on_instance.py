"""What is, or shall come, on an instance."""

from __future__ import annotations

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, selectinload

from webapp.applications.models import Application, ApplicationState


def applications_on(session: Session, instance_id: str) -> list[Application]:
    """The applications that are or shall come on the instance, or whose data is kept there; by name."""
    holds_its_name = Application.name_key == func.lower(Application.name)  # until it is purged
    query = select(Application).where(
        Application.instance_id == instance_id,
        or_(
            Application.state.in_((ApplicationState.RESERVED, ApplicationState.DEPLOYED)),
            and_(Application.state == ApplicationState.DELETED, holds_its_name),
        ),
    )
    return list(
        session.scalars(query.options(selectinload(Application.databases)).order_by(Application.name))
    )
