"""The system types' numbers and sizes. Source: Microsoft Learn, "sys.types"."""

from __future__ import annotations

from typing import Any

from simulator.sqltypes import MAX, SqlType

# name -> system_type_id, user_type_id, max_length (bytes), precision, scale
SYSTEM_TYPES: dict[str, tuple[int, int, int, int, int]] = {
    "image": (34, 34, 16, 0, 0), "text": (35, 35, 16, 0, 0), "uniqueidentifier": (36, 36, 16, 0, 0),
    "date": (40, 40, 3, 10, 0), "time": (41, 41, 5, 16, 7), "datetime2": (42, 42, 8, 27, 7),
    "datetimeoffset": (43, 43, 10, 34, 7), "tinyint": (48, 48, 1, 3, 0), "smallint": (52, 52, 2, 5, 0),
    "int": (56, 56, 4, 10, 0), "smalldatetime": (58, 58, 4, 16, 0), "real": (59, 59, 4, 24, 0),
    "money": (60, 60, 8, 19, 4), "datetime": (61, 61, 8, 23, 3), "float": (62, 62, 8, 53, 0),
    "sql_variant": (98, 98, 8016, 0, 0), "ntext": (99, 99, 16, 0, 0), "bit": (104, 104, 1, 1, 0),
    "decimal": (106, 106, 17, 38, 38), "numeric": (108, 108, 17, 38, 38), "smallmoney": (122, 122, 4, 10, 4),
    "bigint": (127, 127, 8, 19, 0), "varbinary": (165, 165, 8000, 0, 0), "varchar": (167, 167, 8000, 0, 0),
    "binary": (173, 173, 8000, 0, 0), "char": (175, 175, 8000, 0, 0), "timestamp": (189, 189, 8, 0, 0),
    "nvarchar": (231, 231, 8000, 0, 0), "nchar": (239, 239, 8000, 0, 0), "xml": (241, 241, -1, 0, 0),
    "sysname": (231, 256, 256, 0, 0),
}  # fmt: skip
_DECIMAL_BYTES = ((9, 5), (19, 9), (28, 13), (38, 17))


def type_row(kind: SqlType) -> dict[str, Any]:
    """system_type_id, user_type_id, max_length, precision and scale of a column of this type."""
    system, user, length, precision, scale = SYSTEM_TYPES[kind.name]
    if kind.length is not None:
        length = -1 if kind.length == MAX else kind.length * (2 if kind.name in {"nvarchar", "nchar"} else 1)
    if kind.precision is not None and kind.name in {"decimal", "numeric"}:
        precision, scale = kind.precision, kind.scale or 0
        length = next(size for limit, size in _DECIMAL_BYTES if precision <= limit)
    elif kind.scale is not None and kind.name in {"time", "datetime2", "datetimeoffset"}:
        scale = kind.scale
    return {
        "system_type_id": system, "user_type_id": user, "max_length": length, "precision": precision,
        "scale": scale,
    }  # fmt: skip
