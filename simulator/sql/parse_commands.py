"""Parsing EXEC and SET: procedures with their arguments, variables and options."""

from __future__ import annotations

from simulator.errors import sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.lexer import RESERVED, STATEMENT_WORDS, Token
from simulator.sql.parse_changes import ChangeParser
from simulator.sqltypes import INT, SqlType

_SWITCHES = frozenset(
    """ansi_defaults ansi_null_dflt_off ansi_null_dflt_on ansi_nulls ansi_padding ansi_warnings arithabort
    arithignore concat_null_yields_null cursor_close_on_commit fmtonly forceplan implicit_transactions nocount
    no_browsetable noexec numeric_roundabort parseonly quoted_identifier remote_proc_transactions showplan_all
    showplan_text showplan_xml xact_abort""".split()  # noqa: SIM905
)
_VALUED = frozenset(
    {"datefirst", "dateformat", "deadlock_priority", "language", "lock_timeout", "rowcount", "textsize"}
    | {"query_governor_cost_limit"}
)
# Options that a server has and the simulator lacks (Microsoft Learn, "SET Statements").
_NOT_MODELLED = frozenset({"context_info", "offsets", "fips_flagger"})
_NUMERIC = frozenset({"datefirst", "lock_timeout", "query_governor_cost_limit", "rowcount", "textsize"})
_ISOLATION = {
    ("read", "uncommitted"): "read uncommitted",
    ("read", "committed"): "read committed",
    ("repeatable", "read"): "repeatable read",
    ("serializable",): "serializable",
    ("snapshot",): "snapshot",
}


class CommandParser(ChangeParser):
    """Reads EXEC and SET. The parser of statements is built on it."""

    def _line(self) -> int:
        token = self.stream.peek()
        return token.line if token else 1

    def execute(self) -> nodes.Statement:
        """EXEC procedure, EXEC @procedure, EXEC ('text')."""
        stream = self.stream
        line = self._line()
        if not stream.accept("exec"):
            stream.expect("execute")
        if stream.accept("("):
            text = self._text_to_execute()
            stream.expect(")")
            if stream.at("as") or stream.at("at"):
                raise unknown_tsql("EXEC (…) AS or AT")
            return nodes.ExecuteText(text, line=line)
        if stream.at("as"):
            raise unknown_tsql("EXECUTE AS")
        return self._execute_name(line=line)

    def _text_to_execute(self) -> nodes.Expression:
        """Constants and variables joined by ``+``: a server takes no other expression there (EXECUTE)."""
        stream = self.stream
        start = stream.index
        while True:
            token = stream.next()
            if token.kind not in {"string", "variable"} or token.text.startswith("@@"):
                raise stream.fail(token)
            if not stream.accept("+"):
                break
        stream.index = start
        return self.value()

    def _execute_name(self, *, line: int) -> nodes.Execute:
        stream = self.stream
        result = variable = None
        token, following = stream.peek(), stream.peek(1)
        if token is not None and token.kind == "variable":
            if token.text.startswith("@@"):
                raise stream.fail(token)
            self.variable(token)
            stream.next()
            if following is not None and following.text == "=":
                stream.next()
                result = token.text.lower()
            else:
                variable = token.text.lower()
        name = () if variable else stream.name()
        arguments: list[nodes.ExecArgument] = []
        if not self._ends_arguments():
            arguments.append(self._exec_argument())
            while stream.accept(","):
                arguments.append(self._exec_argument())
        if stream.at("with"):
            raise unknown_tsql("EXEC … WITH")
        return nodes.Execute(name, tuple(arguments), result, variable, line=line)

    def _ends_arguments(self) -> bool:
        token = self.stream.peek()
        return bool(
            token is None
            or token.text in {";", ")"}
            or token.lower in STATEMENT_WORDS
            or token.lower == "with"
        )

    def _exec_argument(self) -> nodes.ExecArgument:
        stream = self.stream
        token, following = stream.peek(), stream.peek(1)
        name = ""
        if token is not None and token.kind == "variable" and following is not None and following.text == "=":
            name = token.text
            stream.index += 2
            token = stream.peek()
        if token is None:
            raise stream.fail()
        value = self._argument_value(token)
        output = stream.accept("output") or stream.accept("out")
        if output and not isinstance(value, nodes.Variable):
            raise sql_error(179)
        return nodes.ExecArgument(name, value, output)

    def _argument_value(self, token: Token) -> nodes.Expression:
        """A constant, a variable or a bare word: EXEC takes no expressions."""
        stream = self.stream
        if stream.accept("default"):
            return nodes.DefaultValue()
        if stream.accept("null"):
            return nodes.Literal(None, SqlType("null"))
        if token.kind == "variable":
            stream.next()
            return self.variable(token)
        if token.kind in {"string", "number", "money", "binary"} or token.text in {"-", "+"}:
            return self._unary()
        if token.is_name or (token.kind == "word" and token.lower not in RESERVED):
            stream.next()
            text = str(token.value)
            return nodes.Literal(text, SqlType("nvarchar", max(len(text), 1)))
        raise stream.fail(token)

    # --- SET

    def _set_statement(self) -> nodes.Statement:
        stream = self.stream
        token = stream.peek()
        if token is not None and token.kind == "variable":
            if token.text.startswith("@@"):
                raise stream.fail(token)
            stream.next()
            self.variable(token)
            operator = self._operator()
            return nodes.SetVariable(token.text.lower(), operator, self.value())
        if stream.accept("transaction", "isolation", "level"):
            for words, level in _ISOLATION.items():
                if stream.accept(*words):
                    return nodes.SetOption(("isolation",), level)
            raise stream.fail()
        if stream.accept("identity_insert"):
            table = stream.name()
            return nodes.SetIdentityInsert(table, self._on_off())
        if stream.at("statistics"):
            raise unknown_tsql("SET STATISTICS")
        return self._set_options()

    def _set_options(self) -> nodes.Statement:
        stream = self.stream
        token = stream.next()
        word = token.lower
        if word in _SWITCHES:
            names = [word]
            while stream.accept(","):
                names.append(stream.next().lower)
                if names[-1] not in _SWITCHES:
                    raise sql_error(195, names[-1], "SET option", state=5)
            return nodes.SetOption(tuple(names), self._on_off())
        if word in _VALUED:
            value = stream.next()
            if value.text == "-":
                return nodes.SetOption((word,), nodes.Literal(-int(stream.number()), INT))
            if value.kind == "variable":
                return nodes.SetOption((word,), self.variable(value))
            if word in _NUMERIC and not isinstance(value.value, int):
                raise stream.fail(value)
            return nodes.SetOption((word,), value.value)
        if word in _NOT_MODELLED:
            raise unknown_tsql(f"SET {word.upper()}")
        if token.kind == "word":
            raise sql_error(195, token.text, "SET option", state=5)
        raise stream.fail(token)

    def _on_off(self) -> bool:
        if self.stream.accept("on"):
            return True
        self.stream.expect("off")
        return False
