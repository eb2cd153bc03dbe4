"""The topology file as plain data: YAML, of which JSON is a part, or one line that says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from simulator.errors import TopologyError

DEPTH_MAX = 50  # a topology needs 6; the parser's time grows with the square of it


class _Loader(yaml.SafeLoader):
    """YAML in which a key stands once (of two, the first would be lost without a word), not nested deeply."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node. Raises ComposerError for one that is nested too deeply."""
        self.depth += 1
        try:
            if self.depth > DEPTH_MAX:
                mark = self.peek_event().start_mark
                raise yaml.composer.ComposerError(None, None, "nested too deeply", mark)
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping. Raises ConstructorError for a key that stands twice."""
        seen: set[str] = set()
        for key, _value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_topology_file(path: Path) -> Any:
    """What the file holds. Raises :class:`TopologyError` with one line.

    The file is UTF-8, with or without a byte order mark. It is read as YAML, where an escape is a whole
    character: JSON's pairs of escapes for characters beyond U+FFFF (``\\ud83d\\udc18``) are refused.
    """
    try:
        data = yaml.load(path.read_bytes().decode("utf-8-sig"), _Loader)  # noqa: S506 - a safe loader
    except OSError as exc:
        raise TopologyError(f"{path}: cannot be read ({exc.strerror})") from exc
    except UnicodeDecodeError as exc:
        raise TopologyError(f"{path}: is not UTF-8 (byte {exc.start})") from exc
    except yaml.YAMLError as exc:
        raise TopologyError(f"{path}: is not valid YAML: {_said_by(exc)}") from exc
    except (ValueError, OverflowError) as exc:
        raise TopologyError(f"{path}: holds a date or number that cannot be one") from exc
    _check_texts(path, data)
    return data


def _said_by(exc: yaml.YAMLError) -> str:
    """What the parser found and where, without the lines around it: they may hold a password."""
    problem, mark = getattr(exc, "problem", None), getattr(exc, "problem_mark", None)
    if problem is None or mark is None:
        return shown(str(exc).split("\n", 1)[0])
    return shown(f"{problem} (line {mark.line + 1}, column {mark.column + 1})")


def shown(text: str) -> str:
    """``text`` for one line of any terminal: what cannot be printed is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _check_texts(path: Path, data: Any) -> None:
    """Raise for text that no path, pipe or client could take: halves of surrogate pairs, U+0000."""
    waiting: list[tuple[str, Any]] = [("", data)]
    seen: set[int] = set()  # aliases may make a value hold itself
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, str):
            _check_text(path, where, value)
        elif isinstance(value, (dict, list)):
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, dict):
                for key in value:
                    _check_text(path, where, str(key))
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(f"{where}.{key}".lstrip("."), inside) for key, inside in pairs]


def _check_text(path: Path, where: str, text: str) -> None:
    place = f"{path}: {shown(where) or '(file)'}"
    if "\0" in text:
        raise TopologyError(f"{place}: holds the character U+0000")
    half = next((c for c in text if "\ud800" <= c <= "\udfff"), None)
    if half is not None:
        raise TopologyError(
            f"{place}: {shown(half)} is half of a surrogate pair; write the character itself, or \\U and its "
            "eight digits"
        )
