"""Collation precedence: which collation an expression's text has, and how strongly.

Source: Microsoft Learn, "Collation Precedence" and "Contained database collations"; errors 451, 457 and 468
from "Database Engine events and errors".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import Any

from simulator.errors import SqlError, sql_error
from simulator.estate.collations import find_collation
from simulator.results import Column
from simulator.sql.values import STRINGS

# The catalog of every contained database, whatever the database's own collation is.
OF_CONTAINED_CATALOGS = "Latin1_General_100_CI_AS_KS_WS_SC"
# Views that show the instance and not the database they are read in; dm_* views are like them.
_OF_THE_INSTANCE = frozenset(
    [
        "availability_group_listeners",
        "availability_groups",
        "availability_replicas",
        "certificates",
        "configurations",
        "database_mirroring_endpoints",
        "databases",
        "endpoints",
        "fn_helpcollations",
        "fn_virtualfilestats",
        "master_files",
        "messages",
        "server_permissions",
        "server_principals",
        "server_role_members",
        "servers",
        "sql_logins",
        "sysdatabases",
        "syslanguages",
        "syslogins",
        "sysprocesses",
        "tcp_endpoints",
        "availability_databases_cluster",
        "database_recovery_status",
    ]
)


class Rank(IntEnum):
    """How strongly a collation is held: constants and variables, columns, a conflict of columns, COLLATE."""

    DEFAULT = 0
    IMPLICIT = 1
    NONE = 2
    EXPLICIT = 3


@dataclass(frozen=True)
class Label:
    """A text's collation. For :attr:`Rank.NONE` the two in conflict, and the operator between them."""

    rank: Rank
    collation: str
    other: str = ""
    operator: str = ""

    @property
    def key(self) -> Callable[[str], str] | None:
        """How the text compares; None where the database's own collation decides."""
        if self.rank is Rank.DEFAULT:
            return None
        found = find_collation(self.collation)
        return None if found is None else found.key


@lru_cache(maxsize=1000)
def label(rank: Rank, collation: str) -> Label:
    """A label without a conflict."""
    return Label(rank, collation)


def combined(left: Label | None, right: Label | None, operator: str) -> Label | None:
    """The label of what ``operator`` makes of two texts; None is no text. Raises 468 for two COLLATEs."""
    if left is None or right is None:
        return left or right
    if left.rank is Rank.EXPLICIT and right.rank is Rank.EXPLICIT and not _same(left, right):
        raise sql_error(468, left.collation, right.collation, operator)
    if left.rank is Rank.IMPLICIT and right.rank is Rank.IMPLICIT and not _same(left, right):
        return Label(Rank.NONE, left.collation, right.collation, operator)
    return left if left.rank >= right.rank else right


def _same(left: Label, right: Label) -> bool:
    return left.collation.lower() == right.collation.lower()


def compared(left: Label | None, right: Label | None, operator: str) -> Label | None:
    """The label under which two texts are compared. Raises 468 where there is none."""
    found = combined(left, right, operator)
    if found is not None and found.rank is Rank.NONE:
        raise sql_error(468, found.collation, found.other or found.collation, operator)
    return found


def check_result(found: Label | None, kind: Any, place: int, *, statement: str = "SELECT") -> None:
    """Raise 451 (457 for text that is not Unicode) for a result column whose collation is in conflict."""
    if found is None or found.rank is not Rank.NONE:
        return
    raise _unresolved(found, kind, place, statement)


def _unresolved(found: Label, kind: Any, place: int, statement: str) -> SqlError:
    if kind.is_unicode:
        return sql_error(451, found.collation, found.other, found.operator, statement, place)
    return sql_error(457, kind.name, found.collation, found.other, found.operator)


def view_collation(view: str, column: Column, database: Any) -> str:
    """The collation of a system view's column, read in ``database``: its own where it has one."""
    name = view.lower().rpartition(".")[2]
    if column.collation is not None:
        return column.collation
    if name.startswith("dm_") or name in _OF_THE_INSTANCE:
        return str(database.instance.collation_name)
    if database.containment == "PARTIAL":
        return OF_CONTAINED_CATALOGS
    return str(database.collation_name)


def labelled(columns: Any, collation_of: Callable[[Column], str]) -> list[Column]:
    """Columns of a table or view with the label that each text among them has."""
    return [
        replace(column, label=label(Rank.IMPLICIT, collation_of(column)))
        if column.type.name in STRINGS and column.label is None
        else column
        for column in columns
    ]
