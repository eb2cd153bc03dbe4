"""Whose applications a user sees, and which they may change.

Customers see their own; staff see all. Somebody else's looks as if it were not there.
"""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import Session

from webapp.accounts.models import User
from webapp.applications.models import Application, ApplicationDatabase, ApplicationLogin
from webapp.database import is_id
from webapp.errors import NotAllowed, NotFound
from webapp.signed_rows import RowChanged, name_of
from webapp.visitor import Visitor

Of = TypeVar("Of", ApplicationDatabase, ApplicationLogin)


def sees_application(user: Visitor) -> ColumnElement[bool]:
    """The rule: a condition on :class:`Application`. What belongs to applications asks it too."""
    return true() if user.is_staff else Application.customer_id == user.id


def visible_applications(user: Visitor) -> Select[tuple[Application]]:
    """A query for the applications that ``user`` may see."""
    return select(Application).where(sees_application(user))


def get_application(session: Session, user: Visitor, application_id: str) -> Application:
    """The application. Raises :class:`NotFound` when it is not there, or somebody else's.

    Raises :class:`webapp.signed_rows.RowChanged` for a customer whose it may have been made in the database.
    """
    query = visible_applications(user).where(Application.id == application_id)
    application = session.scalars(query).one_or_none() if is_id(application_id) else None
    if application is None:
        raise NotFound("There is no such application.")
    if not user.is_staff and not application.is_intact:  # it may be somebody else's
        raise RowChanged(
            f"{name_of(application)} is not as the platform wrote it. Ask the hosting team to look at it."
        )
    return application


def get_part(session: Session, kind: type[Of], application: Application, part_id: str) -> Of:
    """The database or login of ``application``. Raises :class:`NotFound`."""
    part = session.get(kind, part_id) if is_id(part_id) else None
    if part is None or part.application_id != application.id:
        raise NotFound(f"{application.name} has no such part.")
    return part


def may_change(user: User, application: Application) -> bool:
    """Whether ``user`` may ask for changes of ``application``: its customer, or an operator for them."""
    return user.is_operator or (not user.is_staff and application.customer_id == user.id)


def require_change(user: User, application: Application) -> None:
    """Raise :class:`NotAllowed` unless ``user`` may change ``application``."""
    if not may_change(user, application):
        raise NotAllowed
