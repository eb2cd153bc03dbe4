"""The platform database: engine, sessions, column types and the base of all tables.

SQLite (WAL), PostgreSQL and Microsoft SQL Server. Every time is UTC, every key a ULID, every state an enum
with a check constraint.
"""

from __future__ import annotations

import json
import logging
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    ColumnDefault,
    DateTime,
    Dialect,
    Engine,
    Enum,
    MetaData,
    String,
    Text,
    create_engine,
    event,
    select,
)  # fmt: skip
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Mapped,
    Session,
    mapped_column,
    sessionmaker,
    undefer,
)  # fmt: skip
from sqlalchemy.types import TypeDecorator
from ulid import ULID

# Alembic needs names to drop constraints by ("The Importance of Naming Constraints" in its documentation).
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLITE_BUSY_MS = 30_000
WRITES = {"sqlite_begin": "IMMEDIATE"}

_log = logging.getLogger(__name__)


_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")  # a ULID: without I, L, O, U


def new_id() -> str:
    """A ULID: 26 characters that sort by time."""
    return str(ULID())


def is_id(text: str) -> bool:
    """Whether ``text`` can be the id of a row."""
    return _ID.fullmatch(text) is not None


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. Refuses times without a zone; databases that keep none get it added on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without zone: {value}")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "mssql":
            from sqlalchemy.dialects.mssql import DATETIME2  # noqa: PLC0415 - only this dialect has it

            return dialect.type_descriptor(DATETIME2(6))
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))


def without_nul(value: Any) -> Any:
    """``value``, which is made of what JSON knows, without NUL characters in its texts; keys are texts."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {str(key).replace("\0", ""): without_nul(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nul(inner) for inner in value]
    return value


class Json(TypeDecorator[Any]):
    """A JSON document as text, the same on every database. PostgreSQL refuses NUL characters: dropped.

    ``shape``: dict or list. What somebody spoilt in the database reads as an empty one (as None, where the
    column ``is_optional``): one bad row must not keep lists from being shown, nor other jobs from being run.
    """

    impl = Text
    cache_ok = True

    def __init__(self, shape: type | None = None, *, is_optional: bool = False) -> None:
        super().__init__()
        self.shape = shape
        self.is_optional = is_optional

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return json.dumps(without_nul(value), ensure_ascii=False, sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        if self.shape is None or isinstance(found, self.shape):
            return found
        _log.warning("json_unreadable characters=%d", len(value))
        return None if self.is_optional else self.shape()


def enum_of(states: type[StrEnum]) -> Enum:
    """A column that holds one of ``states`` by value, with a check constraint named after the enum."""
    return Enum(
        states,
        name=states.__name__.lower(),
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
        validate_strings=True,
    )


class Base(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        dict[str, Any]: Json(dict),
        list[Any]: Json(list),
        list[str]: Json(list),
    }


class WithId:
    """A ULID as primary key."""

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)


RowT = TypeVar("RowT", bound=WithId)


def locked(session: Session, kind: type[RowT], row_id: str) -> RowT | None:
    """The row as it is now with all its columns, locked until the transaction ends; None without one."""
    query = select(kind).where(kind.id == row_id).options(undefer("*")).with_for_update()
    query = query.with_hint(kind, "WITH (UPDLOCK)", "mssql")  # which knows no FOR UPDATE
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def default_of(attribute: InstrumentedAttribute[Any]) -> Any:
    """What a new row gets in this column, for forms that offer it. Raises TypeError where that is nothing."""
    default = attribute.class_.__table__.c[attribute.key].default
    if not isinstance(default, ColumnDefault) or not default.is_scalar:
        raise TypeError(f"{attribute} has no default value")
    return default.arg


def is_deadlock(error: DBAPIError) -> bool:
    """Whether the database gave this transaction up for another's sake: the same again is right.

    By SQLSTATE class 40, "transaction rollback" (PostgreSQL: appendix "Error Codes"; SQL Server: 40001 for
    its error 1205). SQLite lets one write at a time, so it has none.
    """
    state = getattr(error.orig, "sqlstate", None) or next(iter(getattr(error.orig, "args", ())), None)
    return isinstance(state, str) and re.fullmatch(r"40[0-9A-Z]{3}", state) is not None


def is_refusal(error: DBAPIError) -> bool:
    """Whether the database would refuse the same again, for what it says; all else may pass later.

    By the classes of PEP 249, as drivers use them: a full disk, a lock, a server that only reads or is away
    are none of these.
    """
    kinds = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
    return isinstance(error, kinds) and not error.connection_invalidated and not is_deadlock(error)


class Database:
    """The engine and its sessions. Make one for each process, after forks."""

    def __init__(self, url: str, **engine_options: Any) -> None:
        self.engine = create_database_engine(url, **engine_options)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False, autoflush=True)
        self._closers: list[Callable[[], None]] = []

    def configure_sessions(
        self, info: dict[str, Any], listeners: dict[str, Callable[[Session], None]]
    ) -> None:
        """Give all later sessions ``info``, too, and call ``listeners`` (SQLAlchemy's event → function)."""
        self._sessions.configure(info={**self._sessions.kw.get("info", {}), **info})
        for name, listener in listeners.items():
            event.listen(self._sessions, name, listener)

    def before_dispose(self, closer: Callable[[], None]) -> None:
        """Call ``closer`` before the connections are closed: it ends what works on them by itself."""
        self._closers.append(closer)

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for a server's database. Connecting would create it: ask before."""
        url = self.engine.url
        is_file = self.engine.dialect.name == "sqlite" and url.database and url.database != ":memory:"
        return Path(url.database) if is_file and url.database else None

    @property
    def address(self) -> str:
        """Where it is, for messages: without a password, which may stand in the query as well."""
        return self.engine.url.set(query={}).render_as_string(hide_password=True)

    def session(self, *, writes: bool) -> Session:
        """A session. ``writes``: take SQLite's write lock at once instead of failing later."""
        session = self._sessions()
        if writes:
            session.connection(execution_options=WRITES)
        return session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that changes nothing."""
        with self.session(writes=False) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that is committed at the end, or rolled back when the body raises."""
        with self.session(writes=True) as session:
            yield session
            session.commit()

    def dispose(self) -> None:
        """Close all connections."""
        for closer in self._closers:
            closer()
        self.engine.dispose()


def create_database_engine(url: str, **options: Any) -> Engine:
    """An engine for ``url``, set up for many processes at once."""
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"), **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _before_sqlite_connect)
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _before_sqlite_connect(_dialect: Dialect, _record: Any, arguments: Any, _options: Any) -> None:
    """Have the file for its owner alone from its first moment; SQLite gives its helpers the same rights.

    Of one that is there already, others lose theirs. Those of its group may have been given on purpose.
    """
    name = arguments[0] if arguments else ":memory:"
    if name == ":memory:" or str(name).startswith("file:"):
        return
    with suppress(OSError):  # SQLite says what is wrong
        os.close(os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    for path in (Path(name), Path(f"{name}-wal"), Path(f"{name}-shm")):
        with suppress(OSError):  # not there, or somebody else's
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & stat.S_IRWXO:
                path.chmod(mode & ~stat.S_IRWXO)


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's documentation: let us send BEGIN ourselves
    for pragma in (
        f"busy_timeout={SQLITE_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: Any) -> None:
    kind = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {kind}")
