"""Terminal output becomes coloured text, and nothing else."""

from __future__ import annotations

import pytest

from webapp.pages.jobs.terminal import LONGEST_LINE, html_lines, plain_text


@pytest.mark.parametrize(
    ("output", "html"),
    [
        ("plain", "plain"),
        ("", None),
        ("\x1b[0;31mred\x1b[0m done", '<span class="t-red">red</span> done'),
        ("\x1b[1mbold\x1b[22m not", '<span class="t-bold">bold</span> not'),
        ("\x1b[91mbright\x1b[39m", '<span class="t-bright-red">bright</span>'),
        ("\x1b[38;5;196many\x1b[m", "any"),
        ("\x1b[38;2;1;2;3;32mgreen", '<span class="t-green">green</span>'),
        ("\x1b[2K\x1b[1;1Hcleared", "cleared"),
        ("\x1b]0;title\x07text", "text"),
        ("a\x00b\x08c\rd", "abcd"),
        ("<b>&\"'", "&lt;b&gt;&amp;&#34;&#39;"),
        ("\x1b[31m<i>\x1b[0m", '<span class="t-red">&lt;i&gt;</span>'),
        ("\x1b[", ""),
        ("tab\tstays", "tab\tstays"),
    ],
)  # fmt: skip
def test_a_line_becomes(output: str, html: str | None) -> None:
    assert [str(line) for line in html_lines(output)] == ([] if html is None else [html])


def test_a_colour_goes_on_over_the_end_of_a_line_and_each_line_is_closed() -> None:
    lines = html_lines("\x1b[31mone\r\ntwo\x1b[0m\nthree")
    assert [str(line) for line in lines] == [
        '<span class="t-red">one</span>',
        '<span class="t-red">two</span>',
        "three",
    ]


def test_a_very_long_line_is_cut_and_says_so() -> None:
    (line,) = html_lines("x" * (LONGEST_LINE + 5))
    assert "5 more characters" in line


def test_only_line_feeds_end_a_line() -> None:
    assert len(html_lines("a\x0bb\x0cc\x85d\u2028e\rf")) == 1


def test_plain_text_has_no_sequences() -> None:
    assert plain_text("\x1b[0;32mok\x1b[0m: \x1b]0;t\x07[sql01]") == "ok: [sql01]"
