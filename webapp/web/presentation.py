"""Filters and values that every page template has."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.metadata import version

from flask import Flask
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TransactSqlLexer

from webapp.applications.fullness import is_full, size_text
from webapp.bookings.models import LONGEST_REASON

LIGHT_STYLE = "vs"  # Pygments styles; the light one has the colours of Microsoft's own editors
DARK_STYLE = "github-dark"


def register_presentation(app: Flask) -> None:
    """Add the filters ``gib``, ``sql``, ``moment``, ``duration`` to ``app``, and what the frame shows."""
    app.jinja_env.filters.update(gib=size_text, sql=highlighted_sql, moment=moment, duration=duration)
    app.jinja_env.tests["full"] = is_full
    app.jinja_env.globals.update(
        platform_version=version("sqlhosting"), moment_utc=moment_utc, longest_reason=LONGEST_REASON
    )


@lru_cache(maxsize=2048)
def highlighted_sql(text: str) -> Markup:
    """T-SQL with highlighting, safe to put into a page; without a surrounding element."""
    # The lexer and the formatter escape everything that is not theirs.
    return Markup(highlight(text, TransactSqlLexer(stripnl=False), HtmlFormatter(nowrap=True)))  # noqa: S704


@cache
def highlighting_styles() -> str:
    """The style sheet for what :func:`highlighted_sql` gives, for both themes."""
    sheets = []
    for theme, style in (("light", LIGHT_STYLE), ("dark", DARK_STYLE)):
        rules = HtmlFormatter(style=style).get_style_defs(f"[data-bs-theme={theme}] .sql").splitlines()
        # The page's own background and text colour count, and numbered lines are not used.
        sheets += [rule for rule in rules if rule.startswith(f"[data-bs-theme={theme}] .sql .")]
    return "\n".join(sheets) + "\n"


def moment_utc() -> str:
    """This moment, for people who report an error."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def moment(at: datetime | None) -> Markup:
    """A ``<time>`` that a script turns into "5 minutes ago" with the exact local time as its title."""
    if at is None:
        return Markup('<span class="text-secondary">never</span>')
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}" data-moment>{} UTC</time>').format(
        utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"), utc.strftime("%Y-%m-%d %H:%M:%S")
    )


def duration(seconds: float | None) -> str:
    """``0.4 s``, ``1 min 5 s``, ``2 h 3 min``; a dash for None."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
