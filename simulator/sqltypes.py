"""SQL Server's data types as the simulator carries them: from an expression's type to the bytes of TYPE_INFO.

Python values that travel with them: ``None`` (NULL), ``int`` (bit, tinyint … bigint), ``float``,
``decimal.Decimal`` (decimal, numeric, money), ``str`` (char, varchar, nchar, nvarchar, sysname, xml),
``bytes`` (binary, varbinary), ``uuid.UUID`` (uniqueidentifier), ``datetime.date``, ``datetime.time``,
naive ``datetime.datetime`` (datetime, datetime2, smalldatetime), aware ``datetime.datetime``
(datetimeoffset).
A ``sql_variant`` value is a :class:`Variant`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX = -1  # length of varchar(max), nvarchar(max), varbinary(max)


@dataclass(frozen=True)
class SqlType:
    """A type: ``name`` is the T-SQL name in lower case without arguments.

    ``length`` counts characters (strings) or bytes (binary), :data:`MAX` for ``max``; ``precision`` and
    ``scale`` belong to decimal/numeric (1–38) and to time, datetime2 and datetimeoffset (``scale`` 0–7).
    """

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None

    @property
    def is_unicode(self) -> bool:
        """True for types whose characters travel as UTF-16."""
        return self.name in {"nchar", "nvarchar", "xml"}


@dataclass(frozen=True)
class Variant:
    """A sql_variant value together with the base type it carries."""

    type: SqlType
    value: Any


def nvarchar(length: int) -> SqlType:
    """``nvarchar(length)``, 1–4000 characters or :data:`MAX`."""
    return SqlType("nvarchar", length)


def varchar(length: int) -> SqlType:
    """``varchar(length)``, 1–8000 bytes or :data:`MAX`."""
    return SqlType("varchar", length)


def varbinary(length: int) -> SqlType:
    """``varbinary(length)``, 1–8000 bytes or :data:`MAX`."""
    return SqlType("varbinary", length)


def decimal(precision: int, scale: int) -> SqlType:
    """``decimal(precision, scale)``."""
    return SqlType("decimal", None, precision, scale)


BIT = SqlType("bit")
TINYINT = SqlType("tinyint")
SMALLINT = SqlType("smallint")
INT = SqlType("int")
BIGINT = SqlType("bigint")
FLOAT = SqlType("float")
REAL = SqlType("real")
MONEY = SqlType("money")
DATE = SqlType("date")
DATETIME = SqlType("datetime")
SMALLDATETIME = SqlType("smalldatetime")
DATETIME2 = SqlType("datetime2", scale=7)
DATETIMEOFFSET = SqlType("datetimeoffset", scale=7)
TIME = SqlType("time", scale=7)
UNIQUEIDENTIFIER = SqlType("uniqueidentifier")
XML = SqlType("xml")
SQL_VARIANT = SqlType("sql_variant")
SYSNAME = SqlType("nvarchar", 128)
