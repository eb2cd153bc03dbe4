"""Statements and batches: control flow, variables, EXEC, transactions, and the registered grammars.

A statement ends where its grammar ends: no separator is needed between two of them, as in T-SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.lexer import STATEMENT_WORDS, TokenStream
from simulator.sql.parse_commands import CommandParser
from simulator.sql.parse_tables import parse_table_spec
from simulator.sql.registry import find_grammar
from simulator.sql.typenames import parse_type

_PARSED_TEXTS = 512  # distinct texts kept; a text's tree is some ten times its size
_MAX_NESTING = 100


class Parser(CommandParser):
    """Reads a whole batch."""

    def __init__(self, stream: TokenStream, declared: set[str]) -> None:
        super().__init__(stream, declared)
        self._nesting = 0
        self._loops = 0

    def batch(self) -> nodes.Block:
        """All statements up to the end of the text."""
        found = self._statements(lambda: self.stream.peek() is None, first=True)
        return nodes.Block(tuple(found))

    def _statements(self, ended: Callable[[], bool], *, first: bool = False) -> list[Any]:
        found: list[Any] = []
        while True:
            while self.stream.accept(";"):
                first = False
            if ended():
                return found
            if first and self._at_bare_procedure():
                found.append(self._execute_name(line=self._line()))
            else:
                found.append(self.statement())
            first = False

    def _at_bare_procedure(self) -> bool:
        """A batch may begin with a procedure's name without EXEC."""
        token = self.stream.peek()
        if token is None or not token.is_name or token.lower in STATEMENT_WORDS | {"with"}:
            return False
        return find_grammar(self.stream) is None

    def statement(self) -> Any:
        """One statement. Raises 102 or 156 where none begins, 59999 for one that is not known."""
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise unknown_tsql("statements nested more than 100 levels deep")
        try:
            line = self._line()
            found = self._statement()
            return replace(found, line=line)
        finally:
            self._nesting -= 1

    def _statement(self) -> nodes.Statement:
        stream = self.stream
        token = stream.peek()
        if token is None:
            raise stream.fail()
        if token.lower == "select" or token.text == "(":
            return self._query_statement()
        administrative = self._administrative()
        if administrative is not None:
            return administrative
        handler = getattr(self, f"_{token.lower}_statement", None) if token.lower in _HANDLED else None
        if handler is not None:
            stream.next()
            found: nodes.Statement = handler()
            return found
        if token.lower in STATEMENT_WORDS - {"else", "end"}:
            following = stream.peek(1)
            raise unknown_tsql(f"{token.text.upper()} {following.text if following else ''}".strip())
        raise stream.fail(token)

    def _administrative(self) -> nodes.Administrative | None:
        stream = self.stream
        found = find_grammar(stream)
        if found is None:
            return None
        length, grammar = found
        start = stream.index
        stream.index += length
        statement = grammar(stream)
        if isinstance(statement, nodes.Statement):
            return nodes.Administrative(statement, stream.slice(start))
        return nodes.Administrative(statement, stream.slice(start))

    def _query_statement(self) -> nodes.QueryStatement:
        query = self.query()
        self.options()
        return nodes.QueryStatement(query)

    def _with_statement(self) -> nodes.Statement:
        tables = self.common_tables()
        if self.stream.accept("insert"):
            return self.insert(tables)
        if self.stream.accept("update"):
            return self.update(tables)
        if self.stream.accept("delete"):
            return self.delete(tables)
        query = self.query()
        self.options()
        return nodes.QueryStatement(nodes.With(tables, query))

    def _insert_statement(self) -> nodes.Statement:
        return self.insert()

    def _update_statement(self) -> nodes.Statement:
        if self.stream.at("statistics"):
            raise unknown_tsql("UPDATE STATISTICS")
        return self.update()

    def _delete_statement(self) -> nodes.Statement:
        return self.delete()

    # --- blocks

    def _begin_statement(self) -> nodes.Statement:
        stream = self.stream
        if stream.accept("tran") or stream.accept("transaction"):
            return nodes.Transaction("begin", self._transaction_name())
        for word in ("distributed", "dialog", "conversation"):
            if stream.at(word):
                raise unknown_tsql(f"BEGIN {word.upper()}")
        if stream.accept("try"):
            body = self._until("end", "try")
            stream.accept(";")
            stream.expect("begin", "catch")
            return nodes.TryCatch(body, self._until("end", "catch"))
        block = self._until("end")
        if not block.statements:
            raise stream.fail(stream.tokens[stream.index - 1])
        return block

    def _until(self, *words: str) -> nodes.Block:
        found = self._statements(lambda: self.stream.at(*words) or self.stream.peek() is None)
        self.stream.expect(*words)
        return nodes.Block(tuple(found))

    def _if_statement(self) -> nodes.Statement:
        condition = self.condition()
        then = self._branch()
        saved = self.stream.index
        while self.stream.accept(";"):
            pass
        if self.stream.accept("else"):
            return nodes.If(condition, then, self._branch())
        self.stream.index = saved
        return nodes.If(condition, then)

    def _branch(self) -> Any:
        return self.statement()

    def _while_statement(self) -> nodes.Statement:
        condition = self.condition()
        self._loops += 1
        try:
            return nodes.While(condition, self._branch())
        finally:
            self._loops -= 1

    def _break_statement(self) -> nodes.Statement:
        if not self._loops:
            raise sql_error(135)
        return nodes.Break()

    def _continue_statement(self) -> nodes.Statement:
        if not self._loops:
            raise sql_error(136)
        return nodes.Continue()

    def _return_statement(self) -> nodes.Statement:
        if self.stream.end_of_statement():
            return nodes.Return()
        self.value()
        raise sql_error(178)

    # --- variables and options

    def _declare_statement(self) -> nodes.Statement:
        found = [self._declaration()]
        while self.stream.accept(","):
            found.append(self._declaration())
        return nodes.Declare(tuple(found))

    def _declaration(self) -> nodes.Declaration:
        stream = self.stream
        token = stream.peek()
        if token is None or token.kind != "variable":
            following = stream.peek(1)
            if following is not None and following.lower == "cursor":
                raise unknown_tsql("cursors")
            raise stream.fail(token)
        stream.next()
        name = token.text.lower()
        if name in self.declared:
            error = sql_error(134, token.text)
            error.line = token.line
            raise error
        stream.accept("as")
        if stream.at("cursor"):
            raise unknown_tsql("cursors")
        if stream.accept("table"):
            spec = parse_table_spec(self)
            self.declared.add(name)
            return nodes.Declaration(name, None, None, spec)
        kind = parse_type(stream)
        value = self.value() if stream.accept("=") else None
        self.declared.add(name)
        return nodes.Declaration(name, kind, value)

    # --- messages and errors

    def _print_statement(self) -> nodes.Statement:
        return nodes.Print(self.value())

    def _raiserror_statement(self) -> nodes.Statement:
        stream = self.stream
        stream.expect("(")
        message = self.value()
        stream.expect(",")
        severity = self.value()
        stream.expect(",")
        state = self.value()
        arguments = []
        while stream.accept(","):
            arguments.append(self.value())
        stream.expect(")")
        options = set()
        if stream.accept("with"):
            while True:
                token = stream.next()
                if token.lower not in {"log", "nowait", "seterror"}:
                    raise stream.fail(token)
                options.add(token.lower)
                if not stream.accept(","):
                    break
        return nodes.RaiseError(message, severity, state, tuple(arguments), frozenset(options))

    def _throw_statement(self) -> nodes.Statement:
        stream = self.stream
        if stream.end_of_statement():
            return nodes.Throw(None)
        number = self.value()
        stream.expect(",")
        message = self.value()
        stream.expect(",")
        return nodes.Throw((number, message, self.value()))

    # --- databases, procedures

    def _use_statement(self) -> nodes.Statement:
        return nodes.Use(self.stream.identifier())

    def _exec_statement(self) -> nodes.Statement:
        self.stream.index -= 1
        return self.execute()

    _execute_statement = _exec_statement

    # --- transactions, time

    def _transaction_name(self) -> str | None:
        stream = self.stream
        token = stream.peek()
        if token is None or token.lower in STATEMENT_WORDS or not (token.is_name or token.kind == "variable"):
            return None
        if token.kind == "variable":
            raise unknown_tsql("transaction names in variables")
        stream.next()
        if stream.at("with", "mark"):
            raise unknown_tsql("WITH MARK")
        return str(token.value)

    def _end_of_transaction(self, kind: str) -> nodes.Statement:
        stream = self.stream
        if stream.accept("tran") or stream.accept("transaction"):
            name = self._transaction_name()
            if stream.at("with", "("):
                raise unknown_tsql("DELAYED_DURABILITY")
            return nodes.Transaction(kind, name)
        stream.accept("work")
        return nodes.Transaction(kind)

    def _commit_statement(self) -> nodes.Statement:
        return self._end_of_transaction("commit")

    def _rollback_statement(self) -> nodes.Statement:
        return self._end_of_transaction("rollback")

    def _save_statement(self) -> nodes.Statement:
        if not self.stream.accept("tran"):
            self.stream.expect("transaction")
        return nodes.Transaction("save", self.stream.identifier())

    def _waitfor_statement(self) -> nodes.Statement:
        if self.stream.at("time"):
            raise unknown_tsql("WAITFOR TIME")
        self.stream.expect("delay")
        return nodes.WaitFor(self.value())


_HANDLED = frozenset(
    """with insert update delete begin if while break continue return declare set print raiserror throw use
    exec execute commit rollback save waitfor""".split()  # noqa: SIM905
)


@lru_cache(maxsize=_PARSED_TEXTS)
def _parse(text: str, declared: frozenset[str]) -> nodes.Block | SqlError:
    try:
        return Parser(TokenStream(text), set(declared)).batch()
    except SqlError as error:
        return error
    except RecursionError:
        return unknown_tsql("a text nested this deeply")


def parse_batch(text: str, declared: frozenset[str] = frozenset()) -> nodes.Block:
    """The statements of ``text``; ``declared`` are names of parameters. Trees are cached, with a bound.

    Raises the error of the whole text (syntax, undeclared variables, unknown functions) before anything runs.
    """
    found = _parse(text, declared)
    if isinstance(found, SqlError):
        raise replace(found)
    return found
