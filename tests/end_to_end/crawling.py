"""Open every page that somebody can reach by links."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable
from html import unescape
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import BrowserContext

_ID = re.compile("[0-9A-Z]{26}")
_LINK = re.compile(r"""(?:href|src|data-live|data-source|data-older)=["']([^"'#]+)""")
_ASSETS = ("/static/", "/bootstrap/", "/ops/rq/static")
MOST_OF_A_KIND = 40  # pages that differ only in ids


def crawl(context: BrowserContext, address: str, begin: Iterable[str]) -> dict[str, str]:
    """Path → text of all pages that links lead to from the pages ``begin``, the nearest first.

    Of pages that differ only in ids and in the values of their query :data:`MOST_OF_A_KIND` are opened.
    """
    waiting = deque(begin)
    known, kinds, found = set(waiting), Counter[str](), {}
    while waiting:
        path = waiting.popleft()
        answer = context.request.get(urljoin(address, path), max_redirects=5)
        text = answer.text()
        found[path] = "\n".join([text, answer.url, *map(str, answer.headers.items())])
        assert answer.status < 500, f"{path} answers {answer.status}"
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        for link in _LINK.findall(text):
            parts = urlsplit(urljoin(urljoin(address, path), unescape(link)))
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            if f"{parts.scheme}://{parts.netloc}" != address or target in known:
                continue
            kind = _ID.sub("*", parts.path) + "?" + re.sub("=[^&]*", "", parts.query)
            if target.startswith(_ASSETS) or kinds[kind] >= MOST_OF_A_KIND:
                continue
            kinds[kind] += 1
            known.add(target)
            waiting.append(target)
    return found
