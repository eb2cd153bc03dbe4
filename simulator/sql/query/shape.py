"""FOR JSON PATH and FOR XML PATH: rows as one text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from simulator.errors import unknown_tsql
from simulator.results import Column
from simulator.sql.nodes import ForClause
from simulator.sql.values import text_of
from simulator.sqltypes import Variant


def shape_rows(shape: ForClause, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str | None:
    """The text of all rows; None (no row at all) where SQL Server returns nothing for an empty input."""
    if shape.kind == "json":
        return _json(shape, columns, rows)
    return _xml(shape, columns, rows)


def _json(shape: ForClause, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str | None:
    if not rows:
        return None
    objects = []
    for row in rows:
        item: dict[str, Any] = {}
        for column, value in zip(columns, row, strict=True):
            if value is None and not shape.include_null:
                continue
            *path, last = column.name.split(".")
            place = item
            for step in path:
                place = place.setdefault(step, {})
            place[last] = _json_value(value, column)
        objects.append(json.dumps(item, ensure_ascii=False, separators=(",", ":")))
    if shape.without_wrapper:
        return ",".join(objects)
    text = "[" + ",".join(objects) + "]"
    return text if shape.root is None else f"{{{json.dumps(shape.root)}:{text}}}"


def _json_value(value: Any, column: Column) -> Any:
    if isinstance(value, Variant):
        value = value.value
    if column.type.name == "bit" and value is not None:
        return bool(value)
    if isinstance(value, Decimal):
        return int(value) if value == int(value) and not column.type.scale else float(value)
    if isinstance(value, (date, time)):
        return text_of(value, column.type, 126)
    if value is None or isinstance(value, (int, float, str)):
        return value
    return text_of(value, column.type, 2)


def _xml(shape: ForClause, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str | None:
    parts = []
    for row in rows:
        attributes, body = "", ""
        for column, value in zip(columns, row, strict=True):
            if "/" in column.name or column.name.endswith("()"):
                raise unknown_tsql("paths as column names of FOR XML PATH")
            if value is None:
                continue
            text = text_of(value.value if isinstance(value, Variant) else value, column.type, 126)
            if column.name.startswith("@"):
                attributes += f" {column.name[1:]}={quoteattr(text)}"
            elif column.name:
                body += f"<{column.name}>{escape(text)}</{column.name}>"
            else:
                body += text if column.type.name == "xml" else escape(text)
        parts.append(f"<{shape.element}{attributes}>{body}</{shape.element}>" if shape.element else body)
    text = "".join(parts)
    if shape.root is not None:
        return f"<{shape.root}>{text}</{shape.root}>"
    return text or None
