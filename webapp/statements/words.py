"""What statements do, in the words of the modules that send them. Pure.

A module says what each of its changes does (``words``), what it is about (``object``) and what it brings into
being (``creates``); docs/journal.md has their grammar. Nothing is read out of T-SQL here, and no template is
known by its name, so a new statement needs nothing here. Names stand between backticks; pages set them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

MOST_PARTS = 8  # of a sentence; the statements themselves follow below it
MOST_RIGHTS = 6  # of one user
_DENIED = "denied_permission"
_RIGHTS = ("role", "permission", _DENIED)
_OF_INSTANCE = ("database", "login", "snapshot")  # what other kinds are called begins with their database


class Told(Protocol):
    """What is read of a statement."""

    words: Any
    object: Any
    creates: Any
    template: Any
    database: Any
    inventory_host: Any
    instance: Any


def words_of(one: Told) -> str:
    """``create login `shop_app```. Statements from before have no words: ``login: create, in `master```."""
    if one.words:
        return str(one.words)
    return f"{str(one.template).replace('/', ': ').replace('_', ' ')}, in {_named(one.database)}"


def sentence(one: Told) -> str:
    """The words as a sentence of its own."""
    words = words_of(one)
    return words[:1].upper() + words[1:]


def summary(statements: Sequence[Told]) -> str:
    """``4 statements on sql03: create login `shop_app`; let login `shop_app` into `shop_db` with …``."""
    if not statements:
        return "No statement: the target is already as it was asked for."
    hosts = list(dict.fromkeys(one.inventory_host or one.instance for one in statements))
    count = f"{len(statements)} {'statement' if len(statements) == 1 else 'statements'} on {', '.join(hosts)}"
    parts = _parts(statements)
    more = len(parts) - MOST_PARTS
    if more > 0:
        parts = [*parts[:MOST_PARTS], f"and {more} {'thing' if more == 1 else 'things'} more"]
    return f"{count}: {'; '.join(parts)}."


def _parts(statements: Sequence[Told]) -> list[str]:
    """The words in their order; the rights of a new user are told where it comes in."""
    rights: dict[tuple[Any, Any], list[tuple[str, str]]] = {
        (one.instance, one.object): [] for one in statements if _is_new(one)
    }
    parts: list[tuple[str, tuple[Any, Any] | None]] = []
    for one in statements:
        key, right = (one.instance, one.object), _right_of(one)
        if right and key in rights:
            rights[key].append(right)
        else:
            parts.append((words_of(one), key if _is_new(one) else None))
    return list(dict.fromkeys(words + _with(rights[key] if key else []) for words, key in parts))


def _is_new(one: Told) -> bool:
    return bool(one.object) and one.creates == one.object


def _right_of(one: Told) -> tuple[str, str] | None:
    """``("role", "db_datareader")`` of a statement that gives or denies a right; None of any other."""
    what, _, value = str(one.creates or "").removeprefix(f"{one.object}/").partition("=")
    return (what, value) if what in _RIGHTS and value else None


def _with(rights: Sequence[tuple[str, str]]) -> str:
    """`` with `db_datareader`, EXECUTE (denied: …)``: what is denied stands apart and is never left out."""
    given = list(dict.fromkeys(_right(*one) for one in rights if one[0] != _DENIED))
    denied = list(dict.fromkeys(_right(*one) for one in rights if one[0] == _DENIED))
    more = len(given) - MOST_RIGHTS
    text = ", ".join(given[:MOST_RIGHTS]) + (f" and {more} more rights" if more > 0 else "")
    return (f" with {text}" if text else "") + (f" (denied: {', '.join(denied)})" if denied else "")


def _right(what: str, value: str) -> str:
    return _named(value) if what == "role" else _plain(value)


@dataclass(frozen=True)
class Group:
    """Statements that follow each other and are about one object of one instance."""

    host: str
    title: str
    statements: list[Any]


def groups(statements: Sequence[Any]) -> list[Group]:
    """The statements in their order, those about one object together."""
    found: list[Group] = []
    for one in statements:
        host = str(one.inventory_host or one.instance)
        title = _thing(str(one.object), one) if one.object else f"In {_named(one.database)}"
        if found and (found[-1].host, found[-1].title) == (host, title):
            found[-1].statements.append(one)
        else:
            found.append(Group(host, title, [one]))
    return found


def left_behind(statements: Sequence[Told]) -> list[str]:
    """The objects that are there afterwards and were not before, and those that are gone, in words."""
    found = []
    for one in statements:
        made = str(one.creates or "")
        # Statements from before there were words tell what they create, and no object.
        about = str(one.object or ("" if "=" in made else made))
        thing = _thing(about, one)
        if made and made == about:
            found.append(thing)
        elif about and made == f"{about}/state=absent":
            found.append(f"No {_lower(thing)} any more")
        elif about and made and not made.startswith(f"{about}/"):
            found.append(f"{_thing(made, one)}, made of {_lower(thing)}")
    return list(dict.fromkeys(found))


def _thing(name: str, one: Told) -> str:
    """``Database `shop_db``` of ``database:shop_db``; ``User `app` in `shop_db``` of ``user:shop_db/app``."""
    kind, _, rest = name.partition(":")
    inside = f"{one.database}/"
    if kind not in _OF_INSTANCE and rest.startswith(inside):
        return f"{kind.capitalize()} {_named(rest.removeprefix(inside))} in {_named(one.database)}"
    return f"{kind.capitalize()} {_named(rest)}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _named(name: Any) -> str:
    """Between backticks, as modules write names."""
    return f"`{_plain(name)}`"


def _plain(text: Any) -> str:
    """No backtick inside, and what cannot be seen is spelt out."""
    seen = (each if each.isprintable() else f"\\u{ord(each):04x}" for each in str(text))
    return "".join(seen).replace("`", "'")
