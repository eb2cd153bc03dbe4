"""Rendering T-SQL: what is not quoted is refused, what is secret is not captured."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils import tsql
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import TemplateError
from ansible_collections.sqlhosting.mssql.plugins.module_utils.tsql import Secret, render


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("USE {{ n|ident }}", {"n": "shop"}, "USE [shop]"),
        ("USE {{ n|ident }}", {"n": "a]b]]"}, "USE [a]]b]]]]]"),
        ("USE {{ n|ident }}", {"n": "x'; DROP DATABASE y;--"}, "USE [x'; DROP DATABASE y;--]"),
        ("USE {{ n|ident }}", {"n": "ß名😀"}, "USE [ß名😀]"),
        ("USE {{ n|ident }}", {"n": "x" * 128}, f"USE [{'x' * 128}]"),
        ("SELECT {{ v|literal }}", {"v": "O'Neil"}, "SELECT N'O''Neil'"),
        ("SELECT {{ v|literal }}", {"v": "''"}, "SELECT N''''''"),
        ("SELECT {{ v|literal }}", {"v": "two\r\nlines\tand a tab"}, "SELECT N'two\r\nlines\tand a tab'"),
        ("SELECT {{ v|literal }}", {"v": None}, "SELECT NULL"),
        ("SELECT {{ v|literal }}", {"v": "{{ 7 * 7 }}"}, "SELECT N'{{ 7 * 7 }}'"),
        ("SELECT {{ 'constant'|literal }}", {}, "SELECT N'constant'"),
        ("KILL {{ n }}", {"n": 51}, "KILL 51"),
        ("SELECT {{ n }}", {"n": -1}, "SELECT -1"),
        ("SIZE = {{ n|mib }}", {"n": 256}, "SIZE = 256MB"),
        ("SET RECOVERY {{ m|keyword('FULL', 'SIMPLE') }}", {"m": "simple"}, "SET RECOVERY SIMPLE"),
        ("SID = {{ s|sid }}", {"s": "0x" + "ab" * 16}, "SID = 0x" + "AB" * 16),
        ("{#- says what it does -#}\nSELECT 1\n", {}, "SELECT 1"),
        ("A{% for n in names %}, {{ n|ident }}{% endfor %}", {"names": ["a", "b"]}, "A, [a], [b]"),
        ("A\n{% if on %}\nB\n{% endif %}\nC", {"on": False}, "A\nC"),
        ("{% set q = n|ident %}{{ q }} {{ q }}", {"n": "a"}, "[a] [a]"),
    ],
)
def test_values_are_written_quoted(source: str, values: dict, text: str) -> None:
    rendered = render(source, values)
    assert rendered.text == rendered.captured == text
    assert rendered.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert rendered.secrets == rendered.labels == ()


@pytest.mark.parametrize(
    ("source", "values", "says"),
    [
        ("USE {{ n }}", {"n": "shop"}, "type str was printed without"),
        ("SELECT {{ n }}", {"n": 1.5}, "type float was printed without"),
        ("SELECT {{ n }}", {"n": True}, "type bool was printed without"),
        ("SELECT {{ n }}", {"n": None}, "type NoneType was printed without"),
        ("SELECT {{ n }}", {"n": ["a"]}, "type list was printed without"),
        ("USE {{ n|upper }}", {"n": "shop"}, "type str was printed without"),
        ("USE {{ n|ident|upper }}", {"n": "shop"}, "print each value in its own"),
        ("USE {{ n|ident ~ 'x' }}", {"n": "shop"}, "print each value in its own"),
        ("USE {{ [n|ident]|join(',') }}", {"n": "shop"}, "print each value in its own"),
        ("{% set x %}{{ n|ident }}{% endset %}{{ x }}", {"n": "shop"}, "type str was printed without"),
        ("USE {{ nothing }}", {}, "'nothing' is undefined"),
        ("USE {{ nothing|ident }}", {}, "'nothing' is undefined"),
        ("SELECT {{ nothing|literal }}", {}, "'nothing' is undefined"),
        ("USE {{ n|ident }}", {"n": ""}, "1 to 128 characters"),
        ("USE {{ n|ident }}", {"n": "x" * 129}, "1 to 128 characters"),
        ("USE {{ n|ident }}", {"n": "😀" * 65}, "this one has 130"),
        ("USE {{ n|ident }}", {"n": "a\x00b"}, "control character"),
        ("USE {{ n|ident }}", {"n": 5}, "|ident takes a string"),
        ("SELECT {{ n|literal }}", {"n": 5}, "|literal takes a string or none"),
        ("SELECT {{ n|literal }}", {"n": "a\x01b"}, "control character"),
        ("SIZE = {{ n|mib }}", {"n": "5"}, "whole number of MiB"),
        ("SIZE = {{ n|mib }}", {"n": -5}, "whole number of MiB"),
        ("SET {{ n|keyword('A') }}", {"n": "A; DROP"}, "allowed: A"),
        ("SID = {{ n|sid }}", {"n": "0x00"}, "32 hexadecimal digits"),
        ("SID = {{ n|sid }}", {"n": "0x" + "ab" * 16 + "\n"}, "32 hexadecimal digits"),
        ("{{ ''.__class__.__mro__ }}", {}, "unsafe"),
        ("{{ n.__init__.__globals__ }}", {"n": "x"}, "unsafe"),
        ("{% include 'x' %}", {}, "loader"),
        ("{% if %}", {}, "TemplateSyntaxError"),
        ("  \n", {}, "rendered to nothing"),
        ("SELECT \x01", {}, "control character"),
    ],
)
def test_everything_else_is_refused(source: str, values: dict, says: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(source, values)
    assert says in str(caught.value)


def test_a_secret_is_sent_but_not_captured() -> None:
    rendered = render("CREATE LOGIN [a] WITH PASSWORD = {{ p|secret('shop: app') }}", {"p": "it's $(x)"})
    assert rendered.text == "CREATE LOGIN [a] WITH PASSWORD = N'it''s $(x)'"
    assert rendered.captured == "CREATE LOGIN [a] WITH PASSWORD = N'$(shop__app)'"
    assert rendered.secrets == ("it's $(x)",)
    assert rendered.labels == ("shop__app",)


def test_another_secret_gives_the_same_hash() -> None:
    first, second = (render("P = {{ p|secret('pw') }}", {"p": value}).sha256 for value in ("one", "two"))
    assert first == second


def test_a_wrapped_secret_can_be_printed_only_as_a_secret() -> None:
    assert render("P = {{ p|secret('pw') }}", {"p": Secret("x")}).text == "P = N'x'"
    for source in (
        "{{ p }}",
        "{{ p|literal }}",
        "{{ p|ident }}",
        "{{ p.value|literal }}",
        "{{ p._value|literal }}",
        "{{ p|attr('_value')|literal }}",
        "{{ '{0._value}'.format(p)|literal }}",
        "{{ p|keyword('A') }}",
    ):
        with pytest.raises(TemplateError) as caught:
            render(source, {"p": Secret("planted")})
        assert "planted" not in str(caught.value)


def test_an_error_about_a_secret_does_not_tell_it() -> None:
    with pytest.raises(TemplateError) as caught:
        render("{{ p|secret('pw') }}", {"p": "planted\x00"})
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("first", [1, True])
def test_what_was_rendered_once_is_not_taken_for_a_value_of_another_type(first: object) -> None:
    source = "{# Once. #}SELECT {{ size|mib }}"
    for size in (first, 1):
        if size is True:
            with pytest.raises(TemplateError, match="takes a whole number of MiB"):
                render(source, {"size": size})
        else:
            assert render(source, {"size": size}).text == "SELECT 1MB"
    with pytest.raises(TemplateError, match="takes a whole number of MiB"):
        render(source, {"size": True})


def test_a_secret_is_not_kept() -> None:
    source = "ALTER LOGIN {{ name|ident }} WITH PASSWORD = {{ password|secret('p') }}"
    for _twice in range(2):
        render(source, {"name": "app", "password": "Kept-Nowhere-1"})
    assert "Kept-Nowhere-1" not in repr([(key, vars(kept)) for key, kept in tsql._kept.items()])
