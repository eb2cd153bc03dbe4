"""A person at a browser without scripts: opens pages, fills in forms, presses buttons, keeps cookies.

Only what a form holds is sent, so the token against forged forms travels as it does in a real browser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

from demo.instances import DemoError

TIMEOUT_S = 30
# Classes of elements in which pages say what is wrong.
_PROBLEMS = ("alert-danger", "alert-warning", "invalid-feedback", "lead", "event-text", "job-explanation")
_VOID = frozenset({"input", "br", "img", "link", "meta", "hr", "use", "path", "source", "wbr"})


@dataclass
class Button:
    """Something that sends a form."""

    text: str
    name: str | None
    value: str


@dataclass
class Form:
    """A form as it stands on the page."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)  # what would be sent as it stands
    names: set[str] = field(default_factory=set)  # every field, also a box that is not ticked
    buttons: list[Button] = field(default_factory=list)


class _Reader(HTMLParser):
    """Finds forms, links and what went wrong in a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []  # address, text
        self.problems: list[str] = []
        self._form: Form | None = None
        self._texts: list[tuple[str, list[str], Any]] = []  # open elements whose text is collected
        self._select: str | None = None
        self._option: tuple[str, bool] | None = None
        self._problem_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._problem_depth and tag not in _VOID:
            self._problem_depth += 1
        elif any(word in given.get("class", "").split() for word in _PROBLEMS):
            self._problem_depth = 1
            self.problems.append("")
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "a" and "href" in given:
            self._texts.append(("a", [], given["href"]))
        elif self._form is not None:
            self._form_part(tag, given)

    def _form_part(self, tag: str, given: dict[str, str]) -> None:
        assert self._form is not None
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "input" and kind == "submit":
            self._form.buttons.append(Button(given.get("value", ""), name or None, given.get("value", "")))
        elif tag == "input" and name and "disabled" not in given:
            self._form.names.add(name)
            if kind not in ("checkbox", "radio") or "checked" in given:
                self._form.fields.append((name, given.get("value", "on" if kind == "checkbox" else "")))
        elif tag == "button" and given.get("type", "submit") == "submit":
            self._texts.append(("button", [], (name or None, given.get("value", ""))))
        elif tag == "textarea":
            self._form.names.add(name)
            self._texts.append(("textarea", [], name))
        elif tag == "select":
            self._form.names.add(name)
            self._select = name
        elif tag == "option" and self._select is not None:
            is_first = all(field_name != self._select for field_name, _ in self._form.fields)
            if "selected" in given or is_first:
                self._form.fields = [one for one in self._form.fields if one[0] != self._select]
                self._form.fields.append((self._select, given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if self._problem_depth:
            self._problem_depth -= 1
        if self._texts and self._texts[-1][0] == tag:
            _, parts, about = self._texts.pop()
            text = "".join(parts)
            if tag == "a":
                self.links.append((about, _words(text)))
            elif self._form is not None and tag == "button":
                self._form.buttons.append(Button(_words(text), *about))
            elif self._form is not None:
                self._form.fields.append((about, text))
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        for _, parts, _about in self._texts:
            parts.append(data)
        if self._problem_depth:
            self.problems[-1] += data


def _words(text: str) -> str:
    return " ".join(text.split())


class Visitor:
    """One person with cookies of their own. Every method raises :class:`DemoError` when a page says no."""

    def __init__(self, address: str, who: str) -> None:
        self.who = who
        self.url = address
        self.text = ""
        self._address = address
        # No proxy: the portal is on this machine.
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))
        self._page = _Reader()

    @property
    def path(self) -> str:
        """Where the last page was."""
        return urlsplit(self.url).path

    def open(self, path: str) -> str:
        """Open a page; its text as HTML."""
        return self._load(urljoin(self._address, path))

    def json(self, path: str) -> Any:
        """What a page answers as JSON."""
        return json.loads(self.open(path))

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[str]]:
        """The lines of an answer while they come, without their line ends."""
        with self._opener.open(urljoin(self._address, path), None, TIMEOUT_S) as answer:
            yield (line.decode("utf-8").rstrip("\n") for line in answer)

    def press(self, button: str, **values: str) -> str:
        """Fill in ``values`` by the fields' names, press the button that begins so; the next page."""
        form, pressed = self._button(button)
        if unknown := set(values) - form.names:
            raise DemoError(f"{self.who} finds no field {', '.join(sorted(unknown))} on {self.path}.")
        sent = [one for one in form.fields if one[0] not in values] + list(values.items())
        if pressed.name:
            sent.append((pressed.name, pressed.value))
        target = urljoin(self.url, form.action)
        if form.method == "get":
            return self._load(f"{target}?{urlencode(sent)}")
        return self._load(target, urlencode(sent).encode("ascii"))

    def links(self, pattern: str) -> list[str]:
        """The addresses on the page that match ``pattern`` as a whole."""
        return [address for address, _ in self._page.links if re.fullmatch(pattern, address)]

    def _button(self, text: str) -> tuple[Form, Button]:
        for form in self._page.forms:
            for button in form.buttons:
                if f"{button.text} ".startswith(f"{text} "):
                    return form, button
        raise DemoError(f"{self.who} finds no button {text!r} on {self.path}.{self.said()}")

    def _load(self, url: str, data: bytes | None = None) -> str:
        try:
            with self._opener.open(url, data, TIMEOUT_S) as answer:
                self.url, status = answer.url, answer.status
                self.text = answer.read().decode("utf-8")
        except HTTPError as exc:
            with exc:
                self.url, status = url, exc.code
                self.text = exc.read().decode("utf-8", "replace")
        except (URLError, OSError) as exc:
            raise DemoError(f"The portal does not answer {self.who} at {url}: {exc}.") from exc
        self._page = _Reader()
        self._page.feed(self.text)
        if status >= 400:
            raise DemoError(f"The page {urlsplit(url).path} refuses {self.who} ({status}).{self.said()}")
        return self.text

    def said(self) -> str:
        """What the page says is wrong, as a sentence that follows another; empty when it says nothing."""
        said = _unique(_words(text) for text in self._page.problems)
        return f" It says: {' '.join(said)}" if said else ""


def _unique(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text]
