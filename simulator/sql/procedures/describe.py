"""sp_describe_undeclared_parameters: which types the parameters of a text should have.

Source: Microsoft Learn, "sp_describe_undeclared_parameters (Transact-SQL)" (columns), "sys.types".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from simulator.errors import SqlError
from simulator.results import Column, Result, ResultSet
from simulator.sql import nodes
from simulator.sql.lexer import tokenize
from simulator.sql.parser import parse_batch
from simulator.sql.procedures.prepared import parse_parameters
from simulator.sql.query.compile import Compiler
from simulator.sql.query.dml import column_of, target_table
from simulator.sql.query.scope import Cell, Context, Scope
from simulator.sql.query.sources import plan_source
from simulator.sql.registry import Argument, procedure
from simulator.sql.typenames import type_name
from simulator.sqltypes import BIT, INT, MAX, SMALLINT, SYSNAME, TINYINT, SqlType, nvarchar

UNDEDUCED = nvarchar(4000)  # where the text says nothing about a parameter

# name: (system_type_id, TDS type, bytes, precision, scale)
SYSTEM_TYPES = {
    "bit": (104, 104, 1, 1, 0), "tinyint": (48, 38, 1, 3, 0), "smallint": (52, 38, 2, 5, 0), "int": (56, 38,
    4, 10, 0),
    "bigint": (127, 38, 8, 19, 0), "real": (59, 109, 4, 24, 0), "float": (62, 109, 8, 53, 0),
    "money": (60, 110, 8, 19, 4), "smallmoney": (122, 110, 4, 10, 4), "date": (40, 40, 3, 10, 0),
    "time": (41, 41, 5, 16, 7), "datetime": (61, 111, 8, 23, 3), "smalldatetime": (58, 111, 4, 16, 0),
    "datetime2": (42, 42, 8, 27, 7), "datetimeoffset": (43, 43, 10, 34, 7), "uniqueidentifier": (36, 36, 16,
    0, 0),
    "char": (175, 175, 0, 0, 0), "varchar": (167, 167, 0, 0, 0), "nchar": (239, 239, 0, 0, 0),
    "nvarchar": (231, 231, 0, 0, 0), "binary": (173, 173, 0, 0, 0), "varbinary": (165, 165, 0, 0, 0),
    "decimal": (106, 106, 17, 0, 0), "numeric": (108, 108, 17, 0, 0), "xml": (241, 241, -1, 0, 0),
    "sql_variant": (98, 98, 8016, 0, 0), "text": (35, 35, 16, 0, 0), "ntext": (99, 99, 16, 0, 0),
    "image": (34, 34, 16, 0, 0), "timestamp": (189, 173, 8, 0, 0),
}  # fmt: skip


def size_of(kind: SqlType) -> tuple[int, int, int]:
    """max_length in bytes, precision and scale, as sys.columns has them."""
    _, _, width, precision, scale = SYSTEM_TYPES[kind.name]
    if kind.length is not None:
        width = -1 if kind.length == MAX else kind.length * (2 if kind.is_unicode else 1)
    if kind.precision is not None:
        precision = kind.precision
        width = next(w for p, w in ((9, 5), (19, 9), (28, 13), (38, 17)) if precision <= p)
    return width, precision, scale if kind.scale is None else kind.scale


_COLUMNS = [
    Column("parameter_ordinal", INT, False), Column("name", SYSNAME, False),
    Column("suggested_system_type_id", INT, False), Column("suggested_system_type_name", nvarchar(256)),
    Column("suggested_max_length", SMALLINT, False), Column("suggested_precision", TINYINT, False),
    Column("suggested_scale", TINYINT, False), Column("suggested_user_type_id", INT),
    Column("suggested_user_type_database", SYSNAME), Column("suggested_user_type_schema", SYSNAME),
    Column("suggested_user_type_name", SYSNAME), Column("suggested_assembly_qualified_type_name",
    nvarchar(4000)),
    Column("suggested_xml_collection_id", INT), Column("suggested_xml_collection_database", SYSNAME),
    Column("suggested_xml_collection_schema", SYSNAME), Column("suggested_xml_collection_name", SYSNAME),
    Column("suggested_is_xml_document", BIT, False), Column("suggested_is_case_sensitive", BIT, False),
    Column("suggested_is_fixed_length_clr_type", BIT, False), Column("suggested_is_input", BIT, False),
    Column("suggested_is_output", BIT, False), Column("formal_parameter_name", SYSNAME),
    Column("suggested_tds_type_id", INT, False), Column("suggested_tds_length", INT, False),
]  # fmt: skip


@procedure("sp_describe_undeclared_parameters")
def sp_describe_undeclared_parameters(session: Any, arguments: list[Argument]) -> Iterator[Result]:
    """One row for each variable of ``@tsql`` that ``@params`` does not declare."""
    text = str(arguments[0].value or "")
    declared = parse_parameters(str(arguments[1].value or "")) if len(arguments) > 1 else ()
    known = {d.name.lower() for d in declared}
    names = []
    for token in tokenize(text):
        name = token.text.lower()
        if token.kind == "variable" and not name.startswith("@@") and name not in known and name not in names:
            names.append(name)
    block = parse_batch(text, frozenset(known | set(names)))
    types = _Deduction(session, names).types(block)
    rows = [_row(at, name, types.get(name, UNDEDUCED)) for at, name in enumerate(names, 1)]
    yield ResultSet(_COLUMNS, rows, counted=not session.options.nocount)


def _row(at: int, name: str, kind: SqlType) -> tuple[Any, ...]:
    width, precision, scale = size_of(kind)
    number, tds, _, _, _ = SYSTEM_TYPES[kind.name]
    spelled = name.replace("@p", "@P", 1) if name[2:].isdigit() else name
    return (
        at, spelled, number, type_name(kind), width, precision, scale, None, None, None, None, None, None,
        None, None,
        None, 0, 0, 0, 1, 0, None, tds, 65535 if width == -1 else width,
    )  # fmt: skip


class _Deduction:
    """Types of parameters from the columns that they are stored in or compared with."""

    def __init__(self, session: Any, names: list[str]) -> None:
        self.session = session
        cells = {name: Cell(UNDEDUCED) for name in names}
        self.context = Context(session, cells, session.database.name_key)
        self.found: dict[str, SqlType] = {}

    def types(self, block: nodes.Block) -> dict[str, SqlType]:
        """By name in lower case."""
        for statement in block.statements:
            try:
                self._statement(statement)
            except SqlError:
                continue  # the text itself is wrong: that is said when it runs
        return self.found

    def _statement(self, statement: Any) -> None:
        if isinstance(statement, nodes.Insert):
            table = target_table(self.context, statement.target, "INSERT")
            names = statement.columns or tuple(c.name for c in table.columns if not c.identity)
            columns = [column_of(table, name, self.context) for name in names]
            if isinstance(statement.query, nodes.Values):
                for row in statement.query.rows:
                    for column, value in zip(columns, row, strict=False):
                        self._note(value, column.type)
            return
        scope = Scope(self.context)
        if isinstance(statement, nodes.Update):
            table = target_table(self.context, statement.target, "UPDATE")
            for item in statement.assignments:
                if item.column is not None:
                    self._note(item.value, column_of(table, item.column[-1], self.context).type)
        if isinstance(statement, (nodes.Update, nodes.Delete)):
            plan_source(statement.source or nodes.NamedSource(statement.target), scope)
            self._compared(statement.where, scope)
        elif isinstance(statement, nodes.QueryStatement) and isinstance(statement.query, nodes.Select):
            if statement.query.source is not None:
                plan_source(statement.query.source, scope)
            self._compared(statement.query.where, scope)

    def _note(self, node: Any, kind: SqlType) -> None:
        if isinstance(node, nodes.Variable):
            self.found.setdefault(node.name, kind)

    def _compared(self, node: Any, scope: Scope) -> None:
        if isinstance(node, nodes.Compare):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(one, nodes.Variable) and isinstance(other, nodes.ColumnRef):
                    self._note(one, Compiler(scope).value(other).type)
        if isinstance(node, tuple):
            for item in node:
                self._compared(item, scope)
        elif is_dataclass(node) and not isinstance(node, (type, nodes.Query)):
            for field in fields(node):
                self._compared(getattr(node, field.name), scope)
