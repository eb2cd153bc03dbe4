"""Page templates stay readable, and addresses stand in one place: where a view is routed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WEBAPP = Path(__file__).parents[3] / "webapp"
TEMPLATES = sorted((WEBAPP / "templates").rglob("*.html"))
SCRIPTS = sorted((WEBAPP / "static" / "js").glob("*.js"))
PAGES = sorted(path for path in (WEBAPP / "pages").rglob("*.py") if path.name != "blueprints.py")
LONGEST_LINE = 120
# An address of the portal as a text: "/jobs", '/jobs/…', `/jobs/${id}`; a bare "/" is a key, or parts a path.
ADDRESS = re.compile(r"""["'`]/[a-z][^"'`]*["'`]""")
HOME = re.compile(r"""(href|action)=["']/["']""")
# Where Python may write one: what a view is routed as, and what such a text is compared with.
ROUTES = re.compile(r"\.(get|post|route)\(|url_prefix=|^PREFIX = |\.(path|startswith|rstrip)\b")


def name(path: Path) -> str:
    return str(path.relative_to(WEBAPP))


def lines_with(path: Path, pattern: re.Pattern[str]) -> list[str]:
    lines = enumerate(path.read_text().splitlines(), start=1)
    return [f"{name(path)}:{number}: {line.strip()}" for number, line in lines if pattern.search(line)]


@pytest.mark.parametrize("template", TEMPLATES, ids=name)
def test_no_line_of_a_page_template_is_too_long(template: Path) -> None:
    long = [
        f"{name(template)}:{number}: {len(line)} characters"
        for number, line in enumerate(template.read_text().splitlines(), start=1)
        if len(line) > LONGEST_LINE
    ]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("source", [*TEMPLATES, *SCRIPTS], ids=name)
def test_no_page_writes_an_address_of_the_portal_by_hand(source: Path) -> None:
    written = lines_with(source, ADDRESS) + lines_with(source, HOME)
    assert not written, "Use url_for:\n" + "\n".join(written)


@pytest.mark.parametrize("source", PAGES, ids=name)
def test_no_view_writes_an_address_of_the_portal_by_hand(source: Path) -> None:
    written = [line for line in lines_with(source, ADDRESS) if not ROUTES.search(line.split(": ", 1)[1])]
    assert not written, "Use url_for, or webapp.web.places:\n" + "\n".join(written)
