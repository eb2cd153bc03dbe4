# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render T-SQL templates so that an unquoted value is an error, not an injection.

DDL takes no parameters, so values must be written into the text. A template may print only integers and what
went through one of the filters below; everything else raises :class:`TemplateError`. A secret is written into
the text that is sent and replaced by an sqlcmd variable in the text that is captured, hashed and shown.

Imports no ansible: the portal previews templates with the same function.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import TemplateError

try:
    from jinja2 import StrictUndefined, pass_context
    from jinja2.exceptions import TemplateError as JinjaError
    from jinja2.sandbox import ImmutableSandboxedEnvironment
except (
    ImportError
):  # out of process the target may lack jinja2; _module.py says so before anything is rendered
    ImmutableSandboxedEnvironment = None

MAX_IDENTIFIER = 128  # sysname is nvarchar(128): UTF-16 code units
_SID = re.compile(r"0x[0-9A-Fa-f]{32}")  # SQL logins: 16 bytes (CREATE LOGIN on Microsoft Learn)
# A printed value travels through Jinja's joining as SOH, four hexadecimal fields (text, captured, secret,
# label), ETX.
# Templates may not hold these characters.
_MARK = re.compile("\x01([0-9a-f]*)[.]([0-9a-f]*)[.]([0-9a-f]*)[.]([0-9a-f]*)\x03")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_PLAIN = (str, int, bool, type(None))
_MOST_KEPT = 256  # rendered statements; a discovery has 20, the same for all instances
_kept: dict = {}


class Secret:
    """A value that only ``|secret`` may print. Wrap passwords in it and no template can leak them."""

    def __init__(self, value: str) -> None:
        self._value = value  # the sandbox keeps templates away from names that begin with "_"

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


def revealed(value: object) -> object:
    """What a :class:`Secret` holds; anything else as it is."""
    return value._value if isinstance(value, Secret) else value


class Rendered:
    """``text`` is sent; ``captured`` is journalled and shown; ``sha256`` is over ``captured``.

    ``secrets`` are the values that ``text`` holds and ``captured`` must not: for masking server messages.
    ``labels`` are the sqlcmd variables in ``captured``, in order of appearance.
    """

    def __init__(self, text: str, captured: str, secrets: tuple, labels: tuple) -> None:
        self.text = text
        self.captured = captured
        self.secrets = secrets
        self.labels = labels
        self.sha256 = hashlib.sha256(captured.encode("utf-8")).hexdigest()

    def __repr__(self) -> str:
        return f"Rendered({self.captured!r})"


class _Sql:
    """A piece of T-SQL that is safe to print. Joining it to a string is refused: print pieces one by one."""

    def __init__(self, text: str, captured: str | None = None, secret: str = "", label: str = "") -> None:
        self.text = text
        self.captured = text if captured is None else captured
        self.secret = secret
        self.label = label

    def __str__(self) -> str:
        raise TemplateError("a quoted value was joined to a string: print each value in its own {{ }}")

    def __repr__(self) -> str:
        return f"<T-SQL {self.captured}>"


def ident(name: object) -> _Sql:
    """``[name]`` with ``]`` doubled; 1 to 128 UTF-16 units, no NUL."""
    _refuse_undefined(name)
    if not isinstance(name, str):
        raise TemplateError(f"|ident takes a string, not {type(name).__name__}")
    units = len(name.encode("utf-16-le", "surrogatepass")) // 2
    if not 1 <= units <= MAX_IDENTIFIER:
        raise TemplateError(f"an identifier has 1 to {MAX_IDENTIFIER} characters, this one has {units}")
    _refuse_control(name, "an identifier")
    return _Sql("[" + name.replace("]", "]]") + "]")


def literal(value: object) -> _Sql:
    """``N'value'`` with ``'`` doubled; ``NULL`` for None."""
    _refuse_undefined(value)
    if value is None:
        return _Sql("NULL")
    if not isinstance(value, str):
        raise TemplateError(f"|literal takes a string or none, not {type(value).__name__}")
    _refuse_control(value, "a literal")
    return _Sql(_quoted(value))


def secret(value: object, label: object) -> _Sql:
    """``N'value'`` in the text that is sent, ``N'$(label)'`` in the text that is captured."""
    _refuse_undefined(value)
    value = revealed(value)
    if not isinstance(value, str):
        raise TemplateError(f"|secret takes a string, not {type(value).__name__}")
    if not isinstance(label, str) or not label:
        raise TemplateError("|secret needs a label: {{ password|secret('login_password') }}")
    if "\x00" in value:
        raise TemplateError("a secret holds a NUL character")
    name = secret_label(label)
    return _Sql(_quoted(value), f"N'$({name})'", value, name)


def secret_label(label: str) -> str:
    """The label as an sqlcmd variable name: letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9_]", "_", label)


def sid(value: object) -> _Sql:
    """A SQL login's SID: ``0x`` and 32 hexadecimal digits."""
    _refuse_undefined(value)
    if not isinstance(value, str) or not _SID.fullmatch(value):
        raise TemplateError("|sid takes 0x and 32 hexadecimal digits")
    return _Sql("0x" + value[2:].upper())


def keyword(value: object, *allowed: str) -> _Sql:
    """The one of ``allowed`` that equals ``value``, ignoring case."""
    _refuse_undefined(value)
    for word in allowed:
        if isinstance(value, str) and value.upper() == word.upper():
            return _Sql(word)
    raise TemplateError(f"|keyword got {value!r}, allowed: {', '.join(allowed)}")


def word(value: object) -> _Sql:
    """A bare word that the grammar does not let us quote, such as a collation's name: letters, digits,
    underscores.
    """
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise TemplateError(f"|word takes letters, digits and underscores, not {value!r}")
    return _Sql(value)


def mib(value: object) -> _Sql:
    """A size in MiB as T-SQL writes it: ``256MB``."""
    _refuse_undefined(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TemplateError(f"|mib takes a whole number of MiB, not {value!r}")
    return _Sql(f"{int(value)}MB")


def render(source: str, values: dict) -> Rendered:
    """Render a template's source with ``values``. Raises :class:`TemplateError`.

    What is plain and holds no secret is kept: many instances are sent the same statements.
    """
    if any(type(value) not in _PLAIN for value in values.values()):
        return _render(source, values)
    # By type as well: True is 1, and yet no number of MiB.
    key = (source, *sorted((name, type(value).__name__, value) for name, value in values.items()))
    found = _kept.get(key)
    if found is None:
        found = _render(source, values)
        if not found.secrets and len(_kept) < _MOST_KEPT:
            _kept[key] = found
    return found


def _render(source: str, values: dict) -> Rendered:
    try:
        marked = compile_template(source).render(dict(values))
    except JinjaError as exc:
        raise TemplateError(f"{type(exc).__name__}: {exc.message}") from exc
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as exc:
        raise TemplateError(f"{type(exc).__name__} in the template: {exc}") from exc
    marked = marked.strip()
    printed = [_unpack(match) for match in _MARK.finditer(marked)]
    secrets = tuple(dict.fromkeys(value for _text, _captured, value, _label in printed if value))
    labels = tuple(dict.fromkeys(label for _text, _captured, _value, label in printed if label))
    text = _MARK.sub(lambda match: _unpack(match)[0], marked)
    captured = _MARK.sub(lambda match: _unpack(match)[1], marked)
    if not text:
        raise TemplateError("the template rendered to nothing")
    return Rendered(text, captured, secrets, labels)


def _quoted(value: str) -> str:
    return "N'" + value.replace("'", "''") + "'"


def _refuse_undefined(value: object) -> None:
    """Printing an undefined name raises Jinja's UndefinedError, which names the variable."""
    if isinstance(value, StrictUndefined):
        str(value)


def _refuse_control(value: str, what: str) -> None:
    """NUL and the marks of this file; tabs and line ends are allowed in T-SQL names and literals."""
    if _CONTROL.search(value):
        raise TemplateError(f"{what} holds a control character")


@lru_cache(maxsize=256)
def compile_template(source: str):
    """The compiled template, kept for later calls. Raises :class:`TemplateError`."""
    if _CONTROL.search(source):
        raise TemplateError("the template holds a control character")
    try:
        return _environment().from_string(source)
    except JinjaError as exc:
        raise TemplateError(f"{type(exc).__name__}: {exc.message}") from exc


@lru_cache(maxsize=1)
def _environment():
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,
    )
    environment.filters.update(
        ident=ident, literal=literal, secret=secret, sid=sid, keyword=keyword, word=word, mib=mib
    )
    return environment


def _pack(*fields: str) -> str:
    return ".".join(field.encode("utf-8", "surrogatepass").hex() for field in fields)


def _unpack(match: re.Match) -> tuple:
    """(text, captured, secret, label) of one printed value."""
    return tuple(bytes.fromhex(field).decode("utf-8", "surrogatepass") for field in match.groups())


def _finalize_value(_context: object, value: object) -> str:
    """What ``{{ … }}`` may print. Takes the context only to keep Jinja from evaluating it at compile time."""
    if isinstance(value, _Sql):
        return f"\x01{_pack(value.text, value.captured, value.secret, value.label)}\x03"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    _refuse_undefined(value)
    raise TemplateError(
        f"a value of type {type(value).__name__} was printed without |ident, |literal, |secret, |sid, "
        f"|keyword, |word or |mib"
    )


_finalize = pass_context(_finalize_value) if ImmutableSandboxedEnvironment is not None else _finalize_value
