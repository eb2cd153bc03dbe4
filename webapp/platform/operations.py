"""Migrations, the check of a process at its start, and the rotation of keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, undefer

from webapp.audit.models import AuditHead
from webapp.audit.operations import FIRST_HASH
from webapp.audit.seals import reseal
from webapp.audit.verification import seal_chain
from webapp.database import Database, is_id, now
from webapp.errors import PlatformError
from webapp.platform.models import KeyCheck
from webapp.platform.row_seals import (
    begin_heads,
    bind_secrets,
    renew_heads,
    seal_what_is_there,
    signed_kinds,
)
from webapp.sealing import SealingError, sealed_attributes, the_box
from webapp.signed_rows import sign

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
AUDIT_SEALS = "0007"  # the migration before which audit entries had no seals
ROW_SEALS = "0008"  # and requests and applications, and sets no heads
KNOWN_TEXT = "the platform's keys open this"


class PlatformNotReady(PlatformError):
    """The platform cannot start. The text says why and what to do."""


def alembic_config(database: Database) -> Config:
    """Alembic's configuration for ``database``."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = database.engine
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to ``revision`` and note which keys seal this database. Raises PlatformNotReady."""
    if database.file:
        database.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = check_reachable(database)
    if before is not None:
        with database.reading() as session:
            _check_sealed(session)
    command.upgrade(alembic_config(database), revision)
    if revision == "head":
        with database.transaction() as session:
            if session.get(KeyCheck, 1) is None:
                session.add(KeyCheck(id=1, sealed=the_box().seal(KNOWN_TEXT)))
            if session.get(AuditHead, 1) is None:
                session.add(AuditHead(id=1, number=0, hash=FIRST_HASH))
            if before is None or before < AUDIT_SEALS:
                session.flush()
                seal_chain(session)
            if before is None or before < ROW_SEALS:
                if before is not None:
                    seal_what_is_there(session)
                begin_heads(session)


def downgrade(database: Database, revision: str) -> None:
    """Bring the schema back to ``revision``; ``base`` removes everything."""
    before = check_reachable(database)
    is_unbound = before is not None and before >= ROW_SEALS > revision != "base"
    if is_unbound:
        with database.transaction() as session:
            bind_secrets(session, to_rows=False)
    try:
        command.downgrade(alembic_config(database), revision)
    except BaseException:
        if is_unbound and (check_reachable(database) or "") >= ROW_SEALS:
            with database.transaction() as session:
                bind_secrets(session, to_rows=True)
        raise


def newest_revision() -> str:
    """The revision that this version of the platform needs."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    if head is None:
        raise PlatformNotReady(f"{MIGRATIONS} holds no migration")
    return head


def check_reachable(database: Database) -> str | None:
    """The schema's revision. Raises :class:`PlatformNotReady` when the database does not answer."""
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as exc:
        raise PlatformNotReady(
            "the platform database does not answer "
            f"({database.address}): "
            f"{str(exc.orig).strip().splitlines()[0]}. Check SQLHOSTING_DATABASE_URL."
        ) from None


def check_platform(database: Database) -> str:
    """The platform's id. Raises :class:`PlatformNotReady`: no answer, not migrated, keys that do not fit."""
    if database.file and not database.file.exists():
        raise PlatformNotReady(
            f"there is no platform database {database.file}: check SQLHOSTING_DATABASE_URL, or make it with "
            "'sqlhosting database upgrade'"
        )
    revision = check_reachable(database)
    wanted = newest_revision()
    if revision != wanted:
        raise PlatformNotReady(
            f"the platform database is at migration {revision or 'none'}, this version needs {wanted}: "
            "run 'sqlhosting database upgrade'"
        )
    with database.reading() as session:
        check_keys(session)
        platform_id = session.get_one(KeyCheck, 1).platform_id
    if not is_id(platform_id):
        raise PlatformNotReady(
            "the platform's id was changed in the platform database (key_check): restore it"
        )
    return platform_id


def check_keys(session: Session) -> None:
    """Raise :class:`PlatformNotReady` unless the keys at hand open what this database holds."""
    if not _check_sealed(session):
        raise PlatformNotReady("the platform database was never set up: run 'sqlhosting database upgrade'")


def _check_sealed(session: Session) -> bool:
    """Whether the database was set up; by its own columns only, since an older schema lacks others."""
    known = session.scalar(select(KeyCheck.sealed).where(KeyCheck.id == 1))
    if known is None:
        return False
    try:
        is_right = the_box().open(known) == KNOWN_TEXT
    except SealingError:
        is_right = False
    if not is_right:
        raise PlatformNotReady(
            "SQLHOSTING_ENCRYPTION_KEYS holds none of the keys that this platform database was sealed with: "
            "put the right key there (an old key goes behind the new one)"
        )
    return True


def rotate_keys(session: Session) -> int:
    """Seal every sealed value with the newest key; how many there were. Raises :class:`SealingError`."""
    check_keys(session)
    count = 0
    for row in signed_rows(session):
        is_intact = row.is_intact
        for attribute in sealed_attributes(type(row)):
            if (text := getattr(row, attribute.name)) is not None:
                setattr(row, attribute.name, text)
                count += 1
        if is_intact:
            sign(session, row)
    renew_heads(session)
    reseal(session)
    check = session.get_one(KeyCheck, 1)
    check.sealed, check.changed_at = the_box().seal(KNOWN_TEXT), now()
    return count


def signed_rows(session: Session) -> Iterator[Any]:
    """All rows that carry a seal, table by table."""
    for kind in signed_kinds():
        yield from session.scalars(select(kind).options(undefer("*")))


def changed_rows(session: Session) -> list[Any]:
    """The rows that are not as the platform wrote them, and that somebody has to look at.

    Sessions and revoked tokens are not among them: they are over, and people log in again.
    """
    return [
        row
        for row in signed_rows(session)
        if not row.is_intact and not hasattr(row, "ended_at") and getattr(row, "revoked_at", None) is None
    ]
