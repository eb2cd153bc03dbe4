"""T-SQL tokens and the stream from which every grammar reads them.

Lexical rules: Microsoft Learn, "Database identifiers", "Constants (Transact-SQL)" and "Slash star comment"
(block comments nest).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import simulator.sql.messages  # noqa: F401 - registers 102, 103, 105 …
from simulator.errors import SqlError, sql_error
from simulator.utf16 import cut

MAX_IDENTIFIER = 128  # UTF-16 units; sysname is nvarchar(128)

# Words that cannot be used as a regular identifier ("Reserved keywords (Transact-SQL)").
RESERVED = frozenset(
    """
    add all alter and any as asc authorization backup begin between break browse bulk by cascade
    case check checkpoint close clustered coalesce collate column commit compute constraint contains
    containstable continue convert create cross current current_date current_time current_timestamp
    current_user cursor database dbcc deallocate declare default delete deny desc disk distinct
    distributed double drop dump else end errlvl escape except exec execute exists exit external
    fetch file fillfactor for foreign freetext freetexttable from full function goto grant group
    having holdlock identity identity_insert identitycol if in index inner insert intersect into is
    join key kill left like lineno load merge national nocheck nonclustered not null nullif of off
    offsets on open opendatasource openquery openrowset openxml option or order outer over percent
    pivot plan precision primary print proc procedure public raiserror read readtext reconfigure
    references replication restore restrict return revert revoke right rollback rowcount rowguidcol
    rule save schema securityaudit select semantickeyphrasetable semanticsimilaritydetailstable
    semanticsimilaritytable session_user set setuser shutdown some statistics system_user table
    tablesample textsize then to top tran transaction trigger truncate try_convert tsequal union
    unique unpivot update updatetext use user values varying view waitfor when where while with
    within writetext
    """.split()  # noqa: SIM905 - a list of names, one per line, would fill pages
)

# Words that begin a statement: where one stands outside parentheses and CASE, the one before is over.
STATEMENT_WORDS = frozenset(
    """
    alter backup begin break checkpoint close commit continue create dbcc deallocate declare delete
    deny drop else end exec execute fetch goto grant if insert kill merge open print raiserror
    reconfigure restore return revert revoke rollback save select set shutdown throw truncate update
    use waitfor while
    """.split()  # noqa: SIM905 - a list of names, one per line, would fill pages
)

_SCAN = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    |(?P<comment>/\*)
    |(?P<string>[Nn]?')
    |(?P<bracketed>\[)
    |(?P<quoted>")
    |(?P<binary>0[xX][0-9A-Fa-f]*)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<money>\$\d+(?:\.\d*)?)
    |(?P<variable>@[\w@$\#]*)
    |(?P<word>[^\W\d][\w@$\#]*|\#[\w@$\#]+|\$\w+)
    |(?P<punct><=|>=|<>|!=|!<|!>|\+=|-=|\*=|/=|%=|&=|\|=|\^=|::|[-+*/%&|^~<>=().,;:{}?])""",
    re.VERBOSE,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")


@dataclass(frozen=True)
class Token:
    """A token: ``text`` as written; ``value`` unquoted (str), a number, or bytes for a binary constant.

    ``kind`` is ``word``, ``bracketed``, ``quoted``, ``string``, ``number``, ``money``, ``binary``,
    ``variable`` or ``punct``. ``unicode`` is True for ``N'…'``. ``line`` counts from 1.
    """

    kind: str
    text: str
    value: Any
    position: int
    line: int
    unicode: bool = False

    @property
    def end(self) -> int:
        """Position just after the token."""
        return self.position + len(self.text)

    @property
    def lower(self) -> str:
        """The word in lower case; empty for anything that is not an unquoted word."""
        return self.text.lower() if self.kind == "word" else ""

    @property
    def is_name(self) -> bool:
        """True for tokens that can be an identifier."""
        return self.kind in {"bracketed", "quoted"} or (self.kind == "word" and self.lower not in RESERVED)


def tokenize(text: str) -> list[Token]:
    """All tokens of ``text``. Raises 102, 103, 105, 113 or 168."""
    tokens: list[Token] = []
    at, line, end = 0, 1, len(text)
    while at < end:
        found = _SCAN.match(text, at)
        if found is None:
            shown = text[at : at + 2] if text[at] >= "\ud800" else text[at]  # a pair is shown whole
            raise _at_line(sql_error(102, shown), line)
        kind = found.lastgroup or ""
        value: Any = None
        stop, is_unicode = found.end(), False
        if kind == "comment":
            stop = _comment_end(text, at, line)
        elif kind in {"string", "bracketed", "quoted"}:
            closing = {"string": "'", "bracketed": "]", "quoted": '"'}[kind]
            stop, value = _delimited(text, found.end(), closing, line)
            is_unicode = kind == "string" and text[at] in "Nn"
            if kind != "string":
                _check_identifier(value, line)
        elif kind == "number":
            value = _number(found.group(), line)
        elif kind == "money":
            value = Decimal(found.group()[1:] or "0")
        elif kind == "binary":
            digits = found.group()[2:]
            value = bytes.fromhex("0" * (len(digits) % 2) + digits)
        else:
            value = found.group()
            if kind in {"word", "variable"}:
                _check_identifier(value, line)
        if kind not in {"space", "comment"}:
            tokens.append(Token(kind, text[at:stop], value, at, line, is_unicode))
        line += text.count("\n", at, stop)
        at = stop
    return tokens


def _at_line(error: SqlError, line: int) -> SqlError:
    error.line = line
    return error


def _check_identifier(name: str, line: int) -> None:
    if len(name) > MAX_IDENTIFIER:
        error = sql_error(103, cut(name, MAX_IDENTIFIER), state=4)
        raise _at_line(error, line)


def _comment_end(text: str, start: int, line: int) -> int:
    depth, at = 0, start
    while found := _COMMENT_MARK.search(text, at):
        depth += 1 if found.group() == "/*" else -1
        at = found.end()
        if depth == 0:
            return at
    raise _at_line(sql_error(113), line)


def _delimited(text: str, start: int, closing: str, line: int) -> tuple[int, str]:
    at = start
    while True:
        found = text.find(closing, at)
        if found < 0:
            raise _at_line(sql_error(105, text[start:]), line)
        if text[found + 1 : found + 2] == closing:
            at = found + 2
            continue
        return found + 1, text[start:found].replace(closing * 2, closing)


def _number(text: str, line: int) -> int | Decimal | float:
    if "e" in text.lower():
        number = float(text)
        if math.isinf(number):
            raise _at_line(sql_error(168, text), line)
        return number
    return Decimal(text) if "." in text else int(text)


class TokenStream:
    """Tokens of one text with a position; what every grammar reads. All word comparisons ignore case."""

    def __init__(self, text: str, tokens: list[Token] | None = None) -> None:
        self.text = text
        self.tokens = tokenize(text) if tokens is None else tokens
        self.index = 0

    def peek(self, k: int = 0) -> Token | None:
        """The token ``k`` ahead without consuming it, None past the end."""
        at = self.index + k
        return self.tokens[at] if at < len(self.tokens) else None

    def next(self) -> Token:
        """Consume a token. Raises 102 at the end of the text."""
        token = self.peek()
        if token is None:
            raise self.fail(None)
        self.index += 1
        return token

    def at(self, *words: str) -> bool:
        """True when the next tokens are these unquoted words or punctuation."""
        return all(_is(self.peek(k), word) for k, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Consume these words if they come next."""
        if not self.at(*words):
            return False
        self.index += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Consume these words. Raises 102 (or 156 for a keyword) at the first that differs."""
        for word in words:
            if not self.accept(word):
                raise self.fail(self.peek())

    def identifier(self) -> str:
        """Consume one identifier: a word that is not reserved, ``[x]`` or ``"x"``."""
        token = self.peek()
        if token is None or not token.is_name:
            raise self.fail(token)
        self.index += 1
        return str(token.value)

    def collation(self) -> str:
        """Consume the name of a collation: a word, never in brackets or quotes. Raises 102."""
        token = self.peek()
        if token is None or token.kind != "word" or not token.is_name:
            raise self.fail(token)
        self.index += 1
        return token.text

    def name(self) -> tuple[str, ...]:
        """Consume a name of one to four parts; an omitted part (``db..t``) is an empty string."""
        parts = [self.identifier()]
        while self.at(".") and len(parts) < 4:
            self.index += 1
            parts.append("" if self.at(".") else self.identifier())
        return tuple(parts)

    def string(self) -> str:
        """Consume a string constant."""
        return str(self._of_kind("string").value)

    def number(self) -> int | Decimal | float:
        """Consume a number with an optional sign."""
        negative = self.accept("-")
        if not negative:
            self.accept("+")
        value: int | Decimal | float = self._of_kind("number").value
        return -value if negative else value

    def binary(self) -> bytes:
        """Consume a binary constant (``0x…``)."""
        return bytes(self._of_kind("binary").value)

    def variable(self) -> str:
        """Consume a local variable; its name with the ``@``."""
        return str(self._of_kind("variable").value)

    def _of_kind(self, kind: str) -> Token:
        token = self.peek()
        if token is None or token.kind != kind:
            raise self.fail(token)
        self.index += 1
        return token

    def end_of_statement(self) -> bool:
        """True at the end of the text, at ``;`` and where a word stands that begins a statement."""
        token = self.peek()
        return token is None or token.text == ";" or token.lower in STATEMENT_WORDS

    def fail(self, token: Token | None = None) -> SqlError:
        """The syntax error at ``token`` (None: the next token; past the end: the last one)."""
        token = token or self.peek() or (self.tokens[-1] if self.tokens else None)
        if token is None:
            return sql_error(102, "")
        keyword = token.lower in RESERVED
        near = token.text if keyword or token.kind in {"word", "punct", "number"} else str(token.value)
        if token.kind == "binary":
            near = token.text
        return _at_line(sql_error(156 if keyword else 102, near), token.line)

    def slice(self, start: int, stop: int | None = None) -> str:
        """The text from token ``start`` up to, not including, token ``stop`` (None: the current one)."""
        stop = self.index if stop is None else stop
        if start >= stop:
            return ""
        return self.text[self.tokens[start].position : self.tokens[stop - 1].end]


def _is(token: Token | None, word: str) -> bool:
    if token is None or token.kind not in {"word", "punct"}:
        return False
    return token.text.lower() == word.lower()
