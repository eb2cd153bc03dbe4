"""Terminal output as HTML: colours become classes, everything else is text.

Of the control sequences of ECMA-48 only "select graphic rendition" (CSI … m) means something in a page; all
others, and control characters, are dropped. (rich.ansi would show the text of some, as of window titles that
end with BEL.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

_SEQUENCE = re.compile(
    r"\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])"  # CSI: parameters, intermediates, final byte
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS, SOS, PM, APC: window titles, links
    r"|\x1b[ -/]*[0-~]?"  # other escapes
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]",  # control characters but tab and newline
    re.DOTALL,
)
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
LONGEST_LINE = 10_000  # characters that a page shows of one line


@dataclass(frozen=True)
class Style:
    """How text looks from here on; carried over line ends, as terminals do."""

    colour: str | None = None
    is_bright: bool = False
    is_bold: bool = False
    is_underlined: bool = False

    @property
    def classes(self) -> str:
        """The classes of a ``<span>``; empty for plain text."""
        colour = f"t-{'bright-' if self.is_bright else ''}{self.colour}" if self.colour else None
        flags = ("t-bold" if self.is_bold else None, "t-underline" if self.is_underlined else None)
        return " ".join(name for name in (colour, *flags) if name)


PLAIN = Style()


def text_lines(output: str) -> list[str]:
    """The lines of one event's output; none when it is empty. Only CR LF and LF end a line."""
    return output.replace("\r\n", "\n").split("\n") if output else []


def plain_text(output: str) -> str:
    """``output`` without colours and control characters."""
    return _SEQUENCE.sub("", output)


def html_lines(output: str) -> list[Markup]:
    """The lines of one event's output, each as HTML that is closed in itself."""
    style, lines = PLAIN, []
    for line in text_lines(output):
        html, style = _html_line(line, style)
        lines.append(html)
    return lines


def _html_line(line: str, style: Style) -> tuple[Markup, Style]:
    rest = len(line) - LONGEST_LINE
    pieces: list[Markup] = []
    position = 0
    for match in _SEQUENCE.finditer(line):
        pieces.append(_piece(line[position : min(match.start(), LONGEST_LINE)], style))
        position = match.end()
        if match.group(2) == "m":
            style = _after(style, match.group(1))
    pieces.append(_piece(line[position:LONGEST_LINE], style))
    if rest > 0:
        pieces.append(
            Markup('<span class="t-cut"> … {} more characters, in the download</span>').format(rest)
        )
    return Markup("").join(pieces), style


def _piece(text: str, style: Style) -> Markup:
    if not text:
        return Markup("")
    classes = style.classes
    return Markup('<span class="{}">{}</span>').format(classes, text) if classes else escape(text)


def _after(style: Style, parameters: str) -> Style:
    """``style`` after ``CSI parameters m``."""
    codes = [int(code) if code.isdigit() else 0 for code in re.split("[;:]", parameters)]
    while codes:
        code = codes.pop(0)
        if code == 0:
            style = PLAIN
        elif code in (1, 22):
            style = replace(style, is_bold=code == 1)
        elif code in (4, 24):
            style = replace(style, is_underlined=code == 4)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = replace(style, colour=_COLOURS[code % 10], is_bright=code >= 90)
        elif code == 39:
            style = replace(style, colour=None)
        elif code in (38, 48):  # 5;n is one of 256 colours, 2;r;g;b any: shown plain
            del codes[: 2 if codes[:1] == [5] else 4]
    return style
