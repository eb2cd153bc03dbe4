"""Passwords are masked before a text is traced, as a real server masks them.

Works on any text, also one that is not T-SQL: it looks at words, literals and signs only. Where it cannot be
sure it masks too much rather than too little.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HIDDEN, HIDDEN_HASH = "'******'", "0x******"

# Space and comments; a literal, closed or not; a quoted or bracketed name; a word or number; a sign.
_PIECE = re.compile(
    r"""(?P<space>(?:\s|--[^\n]*|/\*.*?(?:\*/|\Z))+)
      |(?P<string>[nN]?'(?:[^']|'')*(?:'|\Z))
      |(?P<quoted>"(?:[^"]|"")*(?:"|\Z))
      |(?P<bracketed>\[(?:[^\]]|\]\])*(?:\]|\Z))
      |(?P<binary>0[xX][0-9A-Fa-f]*)
      |(?P<word>[@#\w$]+)
      |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
# A text without any of these words has nothing to mask; most texts end here.
_SUSPECT = re.compile(
    r"pass|pwd|secret|key_source|sp_set_?approle|sp_changeapprole|sp_addlinkedsrvlogin", re.I
)
_SECRET_WORD = re.compile(r"(?:\w*password|secret|key_source|\w*passphrase|pwd)\Z", re.I)
_SECRET_VARIABLE = re.compile(r"@\w*(?:pass|pwd|secret)\w*\Z", re.I)
_SECRET_CALLS = {"pwdcompare", "pwdencrypt", "encryptbypassphrase", "decryptbypassphrase"}
_SECRET_PROCEDURES = {
    "sp_password",
    "sp_addlogin",
    "sp_addapprole",
    "sp_approlepassword",
    "sp_setapprole",
    "sp_changeapprolepwd",
    "sp_addlinkedsrvlogin",
}
# What may stand between a variable and its value: DECLARE @password AS nvarchar(128) = N'…'.
_TYPE_WORDS = re.compile(r"(?:as|n?varchar|n?char|sysname|varbinary|max|\d+)\Z", re.I)


@dataclass
class _State:
    """What the pieces read so far say about the next literal."""

    expects: bool = False  # behind PASSWORD or PASSWORD =
    depth: int = 0  # inside the parentheses of PWDCOMPARE and its like
    calls: bool = False  # behind PWDCOMPARE, before its parenthesis
    procedure: bool = False  # behind sp_password, to the end of the statement
    variable: bool = False  # behind @password and its type
    assigned: bool = False  # behind @password =
    joined: bool = False  # the literal before left a secret open, and + continues it
    open_secret: bool = False


def mask_secrets(text: str) -> str:
    """``text`` with every password and secret replaced by ``'******'`` and every hash by 0x******."""
    if not _SUSPECT.search(text):
        return text
    return _mask(text)[0]


def _mask(text: str) -> tuple[str, bool]:
    """The masked text, and whether it ends where a secret would begin or go on."""
    state = _State()
    out: list[str] = []
    for match in _PIECE.finditer(text):
        kind, piece = match.lastgroup, match.group()
        if kind == "space":
            out.append(piece)
        elif kind in {"string", "quoted", "binary"}:
            out.append(_literal(state, kind, piece))
        else:
            _note(state, kind or "sign", piece)
            out.append(piece)
    return "".join(out), state.expects or state.open_secret


def _literal(state: _State, kind: str, piece: str) -> str:
    """A literal, masked where the state says that it is a secret."""
    secret = state.expects or state.depth > 0 or state.procedure or state.assigned or state.joined
    was_joined = state.joined
    state.expects = state.variable = state.assigned = state.joined = False
    if secret:
        if kind == "binary":
            return HIDDEN_HASH
        prefix = piece[0] if piece[0] in "nN" else ""
        content = piece[len(prefix) + 1 :]
        closed = content.endswith(("'", '"'))
        state.open_secret = was_joined or not closed
        return prefix + (HIDDEN if closed else HIDDEN[:-1] if content else "'")
    if kind != "string":
        return piece
    return _nested(state, piece)


def _nested(state: _State, piece: str) -> str:
    """A literal that may itself hold T-SQL with a password: EXEC('CREATE LOGIN …')."""
    start = piece.index("'") + 1
    end = len(piece) - 1 if len(piece) > start and piece.endswith("'") else len(piece)
    inner = piece[start:end].replace("''", "'")
    if not _SUSPECT.search(inner):
        return piece
    masked, state.open_secret = _mask(inner)
    return piece if masked == inner else piece[:start] + masked.replace("'", "''") + piece[end:]


def _note(state: _State, kind: str, piece: str) -> None:
    """Learn from a word or sign what the next literal is."""
    if kind == "sign":
        _note_sign(state, piece)
        return
    word = piece.strip("[]").lower()
    state.joined = state.open_secret = state.assigned = False
    state.calls = word in _SECRET_CALLS
    if word in _SECRET_PROCEDURES:
        state.procedure = True
    state.variable = bool(_SECRET_VARIABLE.match(word) or (state.variable and _TYPE_WORDS.match(word)))
    state.expects = bool(_SECRET_WORD.match(word)) and not word.startswith("@")


def _note_sign(state: _State, sign: str) -> None:
    if sign == "(" and (state.calls or state.depth):
        state.depth += 1
    elif sign == ")" and state.depth:
        state.depth -= 1
    state.calls = False
    state.joined = sign == "+" and state.open_secret
    if sign == ";":
        state.procedure = state.open_secret = False
    state.assigned = sign == "=" and state.variable
    state.variable = state.variable and sign in {"(", ")"}
    if sign not in {"=", "("}:
        state.expects = False
