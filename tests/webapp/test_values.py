"""Operations take values; pages read what people typed. So no room's function takes a form or its texts.

A form is recognised by what it is: a mapping of texts to texts, under whatever name, and anything that is
called ``typed`` or ``form``. Values have names and types of their own: a wish, a filter, numbers, enums.
"""

from __future__ import annotations

import collections.abc
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.datastructures import MultiDict

import webapp
from webapp.jobs.models import JobState

ROOMS = (
    "accounts", "applications", "approvals", "audit", "bookings", "jobs", "platform", "policies", "pools",
    "statements",
)  # fmt: skip
NAMES_OF_FORMS = {"typed", "form"}
# Texts by name that nobody types: what a job template gives its playbook, drawn or kept by the platform.
NO_FORMS = {"webapp.jobs.templates.Launch.__init__": ["secrets"]}
MAPPINGS = (dict, Mapping, MutableMapping, MultiDict)


def _is_form(annotation: Any) -> bool:
    """Whether the annotation is a mapping of texts to texts, or holds one (``… | None``, ``list[…]``)."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    kind = origin or annotation
    if isinstance(kind, type) and issubclass(kind, MultiDict):
        return True
    if kind in MAPPINGS and inner == (str, str):
        return True
    return any(_is_form(one) for one in inner)


def what_is_typed(function: Callable[..., Any]) -> list[str]:
    """The parameters of ``function`` that take form text; annotations and their aliases are looked up."""
    hints = _hints(function)
    return [
        name
        for name in inspect.signature(function).parameters
        if name in NAMES_OF_FORMS or _is_form(hints.get(name))
    ]


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations as types; a name that is imported for type checkers only counts as Any or a mapping."""
    unknown: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(function, localns=unknown)
        except NameError as error:
            unknown[error.name] = getattr(collections.abc, error.name, Any)


def _public(owner: Any, module: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Public functions that ``owner`` (a module or a class of it) defines, those of its classes too."""
    for name, found in vars(owner).items():
        if name.startswith("_") and name != "__init__":
            continue
        function = found.__func__ if isinstance(found, (classmethod, staticmethod)) else found
        if isinstance(function, types.FunctionType) and function.__module__ == module:
            yield function.__qualname__, function
        elif isinstance(found, type) and found.__module__ == module:
            yield from _public(found, module)


def functions_of(room: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions and methods of ``room``, by the name of their module and their own."""
    package = importlib.import_module(f"webapp.{room}")
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for name, function in _public(module, module.__name__):
            yield f"{module.__name__}.{name}", function


def test_the_list_of_rooms_is_whole() -> None:
    no_rooms = {"api", "commands", "pages", "web"}
    assert {one.name for one in pkgutil.iter_modules(webapp.__path__) if one.ispkg} == {*ROOMS, *no_rooms}


@pytest.mark.parametrize("room", ROOMS)
def test_no_function_of_a_room_takes_what_people_typed(room: str) -> None:
    functions = dict(functions_of(room))
    assert functions
    found = {name: typed for name, function in functions.items() if (typed := what_is_typed(function))}
    assert found == {name: fields for name, fields in NO_FORMS.items() if name in functions}


if TYPE_CHECKING:
    from webapp.runtime import Runtime as Unseen

Form = Mapping[str, str]


class Operations:
    def submit(self, wish: Form) -> None: ...

    @classmethod
    def of(cls, query: MultiDict[str, str]) -> None: ...


def _asks_by_name(typed: Any) -> None: ...
def _asks_by_type(values: dict[str, str]) -> None: ...
def _asks_by_alias(*, values: Form | None = None) -> None: ...
def _asks_unseen(values: Unseen, more: MutableMapping[str, str] | Unseen) -> None: ...
def _asks_within(rows: Sequence[Mapping[str, str]]) -> None: ...
def _takes_values(state: JobState, name: str, parameters: dict[str, Any], ids: Mapping[str, int]) -> None: ...


@pytest.mark.parametrize(
    ("function", "typed"),
    [
        (_asks_by_name, ["typed"]),
        (_asks_by_type, ["values"]),
        (_asks_by_alias, ["values"]),
        (_asks_within, ["rows"]),
        (_asks_unseen, ["more"]),
        (Operations.submit, ["wish"]),
        (Operations.of, ["query"]),
        (_takes_values, []),
    ],
)
def test_a_form_is_recognised_however_it_is_called(function: Callable[..., Any], typed: list[str]) -> None:
    assert what_is_typed(function) == typed


def test_methods_of_classes_are_looked_at() -> None:
    found = [name for name, _ in _public(Operations, __name__)]
    assert found == ["Operations.submit", "Operations.of"]
