"""Every route × every kind of user: anonymous, pending, owner, another customer, operator, viewer, admin."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule as Route
from werkzeug.test import TestResponse

from tests.support.portal import Portal, settings_for
from tests.webapp.access_table import DASHBOARD, FILES, OPERATORS, TABLE, Rule
from tests.webapp.access_world import (
    ANONYMOUS,
    KINDS,
    PENDING,
    ROLE_OF,
    World,
    api_secret,
    browser,
    build,
    csrf_token,
    everything,
)
from webapp.web.access import access_of

READING = ("GET",)
WRITING = ("POST", "PUT", "PATCH", "DELETE")
OPENED = {200, 204, 302, 303, 409, 422}  # the door is open; 409 and 422 speak of the object and the form
WRITERS = sorted(name for name in TABLE if not name.startswith("api."))


@dataclass(frozen=True)
class Stage:
    """Makes portals on copies of one filled database."""

    file: Path
    world: World
    folder: Path

    def open(self, name: str) -> Portal:
        """A portal on a copy of its own."""
        path = self.folder / f"{name}.db"
        shutil.copy(self.file, path)
        return Portal(settings_for(f"sqlite:///{path}", data_folder=self.folder / name))


@pytest.fixture(scope="module")
def stage(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The filled database."""
    folder = tmp_path_factory.mktemp("access")
    file = folder / "world.db"
    shutil.copy(migrated_sqlite, file)
    portal = Portal(settings_for(f"sqlite:///{file}", data_folder=folder / "data"))
    world = build(portal)
    with portal.database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    portal.close()
    return Stage(file, world, folder)


@pytest.fixture
def opened(stage: Stage, tmp_path: Path) -> Iterator[Callable[[], Portal]]:
    """Open as many portals as a test needs."""
    portals: list[Portal] = []

    def open_one() -> Portal:
        portals.append(Stage(stage.file, stage.world, tmp_path).open(f"{len(portals)}"))
        return portals[-1]

    yield open_one
    for portal in portals:
        portal.close()


def routes_of(portal: Portal, endpoint: str) -> list[Route]:
    """The addresses of an endpoint."""
    return [route for route in portal.app.url_map.iter_rules() if route.endpoint == endpoint]


def methods_of(portal: Portal, endpoint: str, wanted: tuple[str, ...]) -> list[str]:
    """Those of ``wanted`` that the endpoint takes."""
    taken = {method for route in routes_of(portal, endpoint) for method in route.methods or ()}
    return [method for method in wanted if method in taken]


def address(portal: Portal, world: World, endpoint: str, rule: Rule) -> str:
    """The path of the endpoint for the objects of the world."""
    values = {
        name: source[1:] if source.startswith("=") else world[source]
        for name, source in rule.arguments.items()
    }
    return portal.app.url_map.bind("localhost").build(endpoint, values)


def call(
    client: FlaskClient, path: str, method: str, *, has_token: bool = True, kind: str = ANONYMOUS
) -> TestResponse:
    """The answer; its body is not read to the end (streams have none)."""
    data = {"csrf_token": csrf_token()} if has_token and method not in READING else {}
    headers = {}
    if path.startswith("/api/") and kind != ANONYMOUS:
        headers["Authorization"] = f"Bearer {api_secret(kind)}"
    answer = client.open(path, method=method, data=data or None, headers=headers)
    answer.close()
    return answer


def is_as_expected(answer: TestResponse, rule: Rule, path: str, method: str, kind: str) -> bool:
    """Whether this answer is what the table says."""
    leads_to_log_in = answer.headers.get("Location", "").startswith("/login?next=")
    if kind in rule.may:
        return answer.status_code in OPENED and not leads_to_log_in
    if kind in (ANONYMOUS, PENDING):
        if path.startswith("/api/"):
            return answer.status_code == 401
        return leads_to_log_in if method in READING else answer.status_code == 403
    return answer.status_code == (404 if kind in rule.not_found else 403)


def test_the_table_names_every_route_and_no_other(opened: Callable[[], Portal]) -> None:
    routes = {route.endpoint for route in opened().app.url_map.iter_rules()}
    pages = {name for name in routes - FILES if not name.startswith(DASHBOARD)}
    assert {"missing in the table": pages - set(TABLE), "not a route": set(TABLE) - pages} == {
        "missing in the table": set(),
        "not a route": set(),
    }


def test_every_view_declares_the_roles_of_the_table(opened: Callable[[], Portal]) -> None:
    portal = opened()
    wrong = {}
    for endpoint, rule in TABLE.items():
        declared = access_of(portal.app, endpoint)
        assert declared is not None, f"{endpoint} declares no roles: put @may(ROLES) below its route"
        expected = {ROLE_OF[kind] for kind in rule.roles if kind in ROLE_OF}
        if ANONYMOUS in rule.roles:
            expected = set()  # PUBLIC
        if set(declared) != expected:
            wrong[endpoint] = (sorted(declared), sorted(expected))
    assert wrong == {}


def test_each_page_opens_for_whom_the_table_says_and_for_nobody_else(
    stage: Stage, opened: Callable[[], Portal]
) -> None:
    portal = opened()
    wrong = []
    for endpoint, rule in TABLE.items():
        for method in methods_of(portal, endpoint, READING):
            path = address(portal, stage.world, endpoint, rule)
            for kind in KINDS:
                answer = call(browser(portal, kind), path, method, kind=kind)
                if not is_as_expected(answer, rule, path, method, kind):
                    wrong.append(f"{method} {path} as {kind}: {answer.status}")
    assert wrong == []


def test_no_write_passes_without_a_csrf_token_nor_for_whom_the_table_keeps_out(
    stage: Stage, opened: Callable[[], Portal]
) -> None:
    portal = opened()
    before = everything(portal.database)
    wrong = []
    for endpoint in WRITERS:
        rule = TABLE[endpoint]
        for method in methods_of(portal, endpoint, WRITING):
            path = address(portal, stage.world, endpoint, rule)
            for kind in KINDS:
                answer = call(browser(portal, kind), path, method, has_token=False)
                if answer.status_code != 400:
                    wrong.append(f"{method} {path} as {kind} without token: {answer.status}")
                if kind not in rule.may:
                    answer = call(browser(portal, kind), path, method)
                    if not is_as_expected(answer, rule, path, method, kind):
                        wrong.append(f"{method} {path} as {kind}: {answer.status}")
    assert wrong == []
    assert everything(portal.database) == before


@pytest.mark.parametrize("room", sorted({name.partition(".")[0] for name in WRITERS}))
def test_each_write_is_open_to_whom_the_table_says(
    stage: Stage, opened: Callable[[], Portal], room: str
) -> None:
    routes = opened()
    wrong = []
    for endpoint in [name for name in WRITERS if name.startswith(f"{room}.")]:
        rule = TABLE[endpoint]
        for method in methods_of(routes, endpoint, WRITING):
            path = address(routes, stage.world, endpoint, rule)
            for kind in sorted(rule.may):
                answer = call(
                    browser(opened(), kind), path, method
                )  # what one changed, the next must not see
                if not is_as_expected(answer, rule, path, method, kind):
                    wrong.append(f"{method} {path} as {kind}: {answer.status}")
    assert wrong == []


def test_a_token_of_another_session_is_worth_nothing(stage: Stage, opened: Callable[[], Portal]) -> None:
    portal = opened()
    client = browser(portal, "admin")
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = "1" * 40
    assert call(client, "/account/sessions/end-others", "POST").status_code == 400


def test_the_dashboard_is_for_operators_as_a_whole(opened: Callable[[], Portal]) -> None:
    portal = opened()
    routes = [route for route in portal.app.url_map.iter_rules() if route.endpoint.startswith(DASHBOARD)]
    assert routes
    for route in routes:
        values = {name: 0 if "instance_number" in name else 1 for name in route.arguments}
        path = route.build(values)
        assert path
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            for kind in set(KINDS) - OPERATORS:
                answer = call(browser(portal, kind), path[1], method)
                if answer.status_code == 308:  # another way to write the address; that one is looked at too
                    assert "/ops/rq/" in answer.headers["Location"]
                    continue
                assert answer.status_code in (302, 401, 403), f"{method} {path[1]} as {kind}: {answer.status}"
                assert answer.status_code != 302 or answer.headers["Location"].startswith("/login")
            if method == "POST":
                for kind in KINDS:
                    assert call(browser(portal, kind), path[1], method, has_token=False).status_code == 400
