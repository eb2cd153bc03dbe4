"""Take pictures of the portal's pages in Chromium.

``.venv/bin/python scripts/screenshots.py ADDRESS FOLDER --login admin@example.com`` (more logins as needed)
walks through every kind of page that links lead to from each person's first page, light and dark, narrow and
wide, into FOLDER, and names pages that log an error or are wider than their window. Passwords are asked for;
without a terminal they are read from standard input, a line each.

``--readme`` takes the README's pictures into docs/images/ instead.
"""

from __future__ import annotations

import argparse
import getpass
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WIDTHS = (1280, 390)  # CSS pixels: a laptop, a telephone
HEIGHT = 800
THEMES = ("dark", "light")
ID = re.compile(r"[0-9A-Z]{26}")
LARGEST_BYTES = 250_000  # of a README's picture
SKIPPED = re.compile(r"\.(csv|txt|jsonl|sql|json)(\?|$)|^/ops/")  # downloads, and pages that are not ours
# The README's pictures: name, whose page, theme, where it is linked, its address with <id>, and which of
# those that are linked, the oldest first. Taken of a demo in which one request more waits for approval.
README = (
    ("portal-home", "admin", "dark", "/", "/", 0),
    ("portal-approval", "admin", "dark", "/approvals", "/approvals/<id>", -1),
    ("portal-job", "admin", "dark", "/jobs?template=apply_booking", "/jobs/<id>/statements?show=changes", -1),
    ("portal-application", "customer", "light", "/applications", "/applications/<id>", 0),
    ("portal-instance", "admin", "light", "/instances", "/instances/<id>", 1),
)


class Camera:
    """One person at a browser of one size and theme."""

    def __init__(self, browser: Browser, address: str, *, theme: str, width: int) -> None:
        self.label = f"{theme}-{width}"
        self.width = width
        self.problems: list[str] = []
        context = browser.new_context(
            base_url=address,
            viewport={"width": width, "height": HEIGHT},
            reduced_motion="reduce",
            locale="en-GB",
        )
        context.add_init_script(f"localStorage.setItem('sqlhosting-theme', '{theme}')")
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("pageerror", lambda error: self._heard("error", str(error)))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error":
            self.problems.append(f"{self.label} {urlsplit(self.page.url).path}: {text}")

    def log_in(self, email: str, password: str) -> None:
        """By the log-in page."""
        self.page.goto("/login")
        self.page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(re.compile(r"/$"))

    def show(self, path: str) -> None:
        """Open a page and wait until it is drawn; live pages never fall silent, so not for their end."""
        self.page.goto(path, wait_until="load")
        self.page.wait_for_timeout(300)
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        if wide > self.width:
            self.problems.append(f"{self.label} {path}: {wide} pixels wide")

    def take(self, file: Path, *, full_page: bool = True) -> None:
        """Write what is shown."""
        self.page.screenshot(path=file, full_page=full_page, animations="disabled")

    def links(self) -> list[str]:
        """Where the page leads within the portal."""
        found = self.page.eval_on_selector_all(
            "a[href]", "links => links.map(link => link.getAttribute('href'))"
        )
        return [link.split("#")[0] for link in found if link.startswith("/") and not SKIPPED.search(link)]


def kind_of(path: str) -> str:
    """The address without ids and search."""
    return ID.sub("id", path.split("?", maxsplit=1)[0])


def walk(camera: Camera, start: str) -> list[str]:
    """Every page that links lead to from ``start``, the first of each kind."""
    waiting, found = [start], dict[str, str]()
    while waiting:
        path = waiting.pop(0)
        if kind_of(path) not in found:
            found[kind_of(path)] = path
            camera.show(path)
            waiting += camera.links()
    return list(found.values())


def name_of(who: str, path: str, label: str) -> str:
    """A file's name for a page."""
    words = re.sub(r"[^a-z]+", "-", kind_of(path).lower()).strip("-") or "home"
    return f"{who}-{words}-{label}.png"


def take_all(browser: Browser, address: str, people: dict[str, str], folder: Path) -> list[str]:
    """Pictures of all pages; what was wrong with some."""
    folder.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    for email, password in {"guest": None, **people}.items():
        who, paths = email.split("@", maxsplit=1)[0], list[str]()
        for theme in THEMES:
            for width in WIDTHS:
                camera = Camera(browser, address, theme=theme, width=width)
                if password is not None:
                    camera.log_in(email, password)
                paths = paths or walk(camera, "/login" if password is None else "/")
                for path in paths:
                    camera.show(path)
                    camera.take(folder / name_of(who, path, camera.label))
                problems += camera.problems
                camera.page.context.close()
        print(f"{who}: {len(paths)} pages", flush=True)
    return list(dict.fromkeys(problems))


def take_readme(browser: Browser, address: str, people: dict[str, str]) -> list[str]:
    """The README's pictures."""
    problems: list[str] = []
    for name, who, theme, start, path, which in README:
        email = next((email for email in people if email.startswith(who)), None)
        if email is None:
            sys.exit(f"{name} needs --login {who}@…")
        camera = Camera(browser, address, theme=theme, width=WIDTHS[0])
        camera.log_in(email, people[email])
        camera.show(linked(camera, start, path, which))
        file = IMAGES / f"{name}.png"
        camera.take(file, full_page=False)
        size = file.stat().st_size
        print(f"{file.relative_to(ROOT)}: {size // 1024} kB")
        if size > LARGEST_BYTES:
            problems.append(f"{file.name} is larger than {LARGEST_BYTES // 1000} kB")
        problems += camera.problems
        camera.page.context.close()
    return problems


def linked(camera: Camera, start: str, path: str, which: int) -> str:
    """The address like ``path`` that ``start`` links."""
    camera.show(start)
    head, mark, tail = path.partition("<id>")  # lists link an object, not its tabs
    pattern = re.compile(re.escape(head) + (ID.pattern if mark else ""))
    found = sorted({link for link in [start, *camera.links()] if pattern.fullmatch(link)})  # ids sort by time
    if not found:
        sys.exit(f"{start} links no {path}")
    return found[which] + tail


def main() -> None:
    """Take the pictures; exit status 1 when something was wrong with a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="the portal's, for instance http://127.0.0.1:8080")
    parser.add_argument("folder", type=Path, nargs="?", help="where the pictures go")
    parser.add_argument("--login", action="append", default=[], metavar="EMAIL", help="can be repeated")
    parser.add_argument("--readme", action="store_true", help="take the README's pictures into docs/images/")
    arguments = parser.parse_args()
    if not arguments.readme and arguments.folder is None:
        parser.error("say where the pictures go, or --readme")
    ask = getpass.getpass if sys.stdin.isatty() else lambda _prompt: sys.stdin.readline().strip()
    people = {email: ask(f"Password of {email}: ") for email in arguments.login}
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        sys.exit("There is no Chromium on the PATH; run 'make setup' or install the package 'chromium'.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--disable-dev-shm-usage"])
        if arguments.readme:
            problems = take_readme(browser, arguments.address, people)
        else:
            problems = take_all(browser, arguments.address, people, arguments.folder)
        browser.close()
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
