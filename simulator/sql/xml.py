"""XML values: well-formedness, and the small part of XPath that monitoring queries use with .value()."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Tree

from simulator.errors import sql_error, unknown_tsql
from simulator.utf16 import readable, units

_MAX_XML = 1_000_000  # characters; ring buffer records have some thousands
_SINGLE = re.compile(r"^\((?P<path>.+)\)\s*\[(?P<index>\d+)\]$", re.DOTALL)
_STEP = re.compile(r"^(?:[\w.-]+|\*)(?:\[(?:\d+|@[\w.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))\])?$")


def check_xml(text: str) -> str:
    """``text`` when it is a well-formed document or fragment. Raises 9436 and 59999 (document types)."""
    _root(text)
    return text


def _root(text: str) -> Tree.Element:
    if len(text) > _MAX_XML or "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        raise unknown_tsql("xml values with a document type or above a million characters")
    body = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    try:
        # Entity declarations cannot occur: document types were refused above.
        return Tree.fromstring(f"<fragment>{readable(body)}</fragment>")  # noqa: S314
    except Tree.ParseError as error:
        line, column = error.position
        raise sql_error(9436, line, column, "end tag does not match start tag") from None


def find_text(text: str, path: str) -> str | None:
    """The text that ``path`` (``(//A/B/@c)[1]``) selects in the xml ``text``; else None."""
    found = _SINGLE.match(path.strip())
    if found is None:
        if not re.fullmatch(r"\.|@[\w.-]+", path.strip()):
            raise sql_error(2389, path)
        found = _SINGLE.match(f"(*/{path.strip()})[1]" if path.strip() != "." else "(*)[1]")
    if found is None:
        raise unknown_tsql(f"the XPath {path}")
    inner, index = found.group("path").strip(), int(found.group("index"))
    while (nested := _SINGLE.match(inner)) is not None:
        inner = nested.group("path").strip()
    values = _select(_root(text), inner)
    return units(values[index - 1]) if 1 <= index <= len(values) else None


def _select(root: Tree.Element, path: str) -> list[str]:
    steps, attribute, only_text = path, None, False
    last = path.rsplit("/", 1)[-1]
    if last.startswith("@"):
        steps, attribute = path[: -len(last)].rstrip("/"), last[1:]
    elif last == "text()":
        steps, only_text = path[: -len(last)].rstrip("/"), True
    anywhere = steps.startswith("//")
    names = [step for step in re.split(r"/+", steps.strip("/")) if step and step != "."]
    if "//" in steps[2:] or any(not _STEP.match(step) for step in names):
        raise unknown_tsql(f"the XPath {path}")
    found = root.findall((".//" if anywhere else "./") + "/".join(names)) if names else list(root)
    if attribute is not None:
        return [element.attrib[attribute] for element in found if attribute in element.attrib]
    if only_text:
        return [element.text for element in found if element.text]
    return ["".join(element.itertext()) for element in found]
