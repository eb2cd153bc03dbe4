"""Filters for pages of plans: names between backticks as code, placeholders of secrets marked in T-SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from webapp.web.presentation import highlighted_sql

_NAME = re.compile(r"`([^`]*)`")
_PLACEHOLDER = re.compile(r"\$\((\w+)\)")
_TITLE = "A secret: the worker puts it in when the statement is sent. It is in no plan, page or journal."


def names(text: str) -> Markup:
    """``text`` with what stands between backticks as code."""
    return Markup(_NAME.sub(lambda found: f"<code>{found[1]}</code>", str(escape(text))))  # noqa: S704


def sql_with_secrets(text: str, labels: Sequence[str] | None) -> Markup:
    """Highlighted T-SQL; the placeholders of secrets (and no other text like them) are marked."""
    known = set(labels or ())

    def mark(found: re.Match[str]) -> str:
        if found[1] not in known:
            return found[0]
        return f'<mark class="secret" title="{_TITLE}">{found[0]}</mark>'

    return Markup(_PLACEHOLDER.sub(mark, str(highlighted_sql(text))))  # noqa: S704 - escaped by the highlighter
