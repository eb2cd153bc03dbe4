"""Seals of all signed rows and heads of all sets: when an upgrade brings them, and with a new key."""

from __future__ import annotations

from typing import Any

from sqlalchemy import column, select, table, update
from sqlalchemy.orm import Session, undefer

from webapp.database import Base
from webapp.sealed_heads import begin_head, head_problem, is_older, members_of, renew_head
from webapp.sealing import sealed_attributes, the_box
from webapp.signed_rows import SealedApart, Signed, SignedOnSaving, sign, word_of


def signed_kinds() -> list[type[Any]]:
    """The classes of all tables whose rows carry a seal, by the names of their tables."""
    mappers = sorted(Base.registry.mappers, key=lambda each: each.class_.__tablename__)
    return [mapper.class_ for mapper in mappers if issubclass(mapper.class_, Signed)]


def kinds_with_head() -> list[type[Any]]:
    """Those of them whose rows count together."""
    return [kind for kind in signed_kinds() if kind.HAS_HEAD]


def begin_heads(session: Session) -> None:
    """Let every set be the rows that are there and intact, whatever its head said before."""
    for kind in kinds_with_head():
        accept_set(session, kind)


def renew_heads(session: Session) -> None:
    """Seal every head that can be believed with the newest key."""
    for kind in kinds_with_head():
        renew_head(session, kind.__tablename__)


def set_problems(session: Session, kind: type[Any]) -> list[str]:
    """How the set of ``kind`` differs from its head: rows that were removed, or a head that does not hold.

    Rows that were changed or added are not intact themselves. Sentences without a full stop.
    """
    name = kind.__tablename__
    if problem := head_problem(session, name):
        return [problem]
    there = set(session.scalars(select(kind.id)))
    return [
        f"the {word_of(kind)} {row_id} was removed from the platform database, not by the platform"
        for row_id in sorted(members_of(session, name).keys() - there)
    ]


def older_sets(session: Session) -> list[str]:
    """The sets of which this machine has seen a newer version; sentences without a full stop."""
    names = [kind.__tablename__ for kind in kinds_with_head()]
    return [head_problem(session, name) or "" for name in names if is_older(session, name)]


def accept_set(session: Session, kind: type[Any]) -> None:
    """Let the set of ``kind`` be its intact rows: somebody has looked at what is missing."""
    session.flush()
    rows = session.scalars(select(kind).options(undefer("*")))
    begin_head(session, kind.__tablename__, {row.id: row.seal for row in rows if row.fits})


def seal_what_is_there(session: Session) -> None:
    """Seal what an older version of the platform wrote without a seal, or with one over fewer columns.

    For the upgrade that brings the seals and nothing else: it lets count what anybody could have written.
    """
    bind_secrets(session, to_rows=True)
    for kind in signed_kinds():
        for row in session.scalars(select(kind).options(undefer("*"))):
            if issubclass(kind, SignedOnSaving) or row.fitted_before:
                sign(session, row)
    for mapper in Base.registry.mappers:
        if issubclass(mapper.class_, SealedApart):
            for row in session.scalars(select(mapper.class_)):
                row.seal_told()
    session.flush()


def bind_secrets(session: Session, *, to_rows: bool) -> None:
    """Seal every sealed value for its row as well, or, for an older version, for its column alone.

    Raises :class:`webapp.sealing.SealingError`.
    """
    for mapper in Base.registry.mappers:
        for attribute in sealed_attributes(mapper.class_):
            name = mapper.columns[attribute.column].name
            values = table(mapper.class_.__tablename__, column("id"), column(name))
            for row_id, sealed in session.execute(select(values).where(values.c[name].is_not(None))).all():
                for_column = f"{values.name}.{attribute.name}"
                before, after = for_column, f"{for_column}:{row_id}"
                if not to_rows:
                    before, after = after, before
                text = the_box().open(sealed, purpose=before)
                change = update(values).where(values.c.id == row_id)
                session.execute(change.values({name: the_box().seal(text, purpose=after)}))
