"""Who sees statements: staff. A customer reads what their jobs changed in words, on the job's own page.

T-SQL, addresses and the names of instances tell about the pool, its load and other customers.
"""

from __future__ import annotations

from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session

from webapp.database import is_id
from webapp.errors import NotFound
from webapp.statements.models import JobStatement
from webapp.visitor import Visitor


def visible_statements(user: Visitor) -> Select[tuple[JobStatement]]:
    """A query for the statements that ``user`` may see."""
    query = select(JobStatement)
    return query if user.is_staff else query.where(false())


def find_statement(session: Session, user: Visitor, statement_id: str) -> JobStatement:
    """The statement. Raises :class:`NotFound` also for one that ``user`` must not see."""
    query = visible_statements(user).where(JobStatement.id == statement_id)
    row = session.scalars(query).one_or_none() if is_id(statement_id) else None
    if row is None:
        raise NotFound("There is no such statement.")
    return row
