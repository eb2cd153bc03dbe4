"""The inventory plugin against an HTTP server on loopback, by ansible-inventory and ansible-playbook."""

from __future__ import annotations

import copy
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.playbooks import ROOT
from tests.support.simulators import DRIVERS, SA_PASSWORD, Simulator

TOKEN = "planted-token-4711"
PASSWORD = "Planted-{{ 1 + 1 }}-Secret'"
ANSWER: dict[str, Any] = {
    "version": 1,
    "pools": [
        {
            "name": "standalone",
            "kind": "standalone",
            "variables": {"pool_thresholds": {"cpu_percent": 70}, "pool_largest_data_limit": "50GiB"},
            "instances": [
                {
                    "name": "sql01",
                    "variables": {
                        "sqlhosting_connection": {
                            "login_host": "sql01.example.com",
                            "login_port": 1433,
                            "login_user": "platform",
                            "login_password": PASSWORD,
                        },
                        "instance_customer_host": "{{ lookup('pipe', 'touch EVIL') }}",
                        "instance_customer_port": 1433,
                    },
                },
                {"name": "sql-02", "variables": {}},
            ],
        },
        {"name": "pairs", "kind": "ha", "variables": {}, "instances": []},
    ],
}


class Portal(http.server.ThreadingHTTPServer):
    """Answers as the test says, and remembers what it was asked."""

    status = 200
    body = b""
    delay_s = 0.0
    location = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.answer(ANSWER)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, data: Any) -> None:
        self.body = json.dumps(data).encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Portal

    def do_GET(self) -> None:
        portal = self.server
        authorization = self.headers.get("Authorization", "")
        portal.asked.append((self.path, authorization))
        time.sleep(portal.delay_s)
        right = authorization == f"Bearer {TOKEN}" and self.path == "/api/v1/inventory"
        self.send_response(portal.status if right or portal.status != 200 else 401)
        if portal.location:
            self.send_header("Location", portal.location)
        self.end_headers()
        if right:
            self.wfile.write(portal.body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing on the test's output."""


@contextmanager
def running_portal() -> Iterator[Portal]:
    with Portal() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A portal that answers ``ANSWER`` to whoever has the token."""
    with running_portal() as server:
        yield server


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The smallest configuration; the rest comes from the environment."""
    path = tmp_path / "platform.yml"
    path.write_text("plugin: sqlhosting.mssql.platform\n")
    return path


def ansible(program: str, *arguments: str, folder: Path, **environment: str) -> Any:
    """A command of Ansible in the repository's configuration, from another folder."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("SQLHOSTING_", "ANSIBLE_"))}
    environment = {
        **own, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1",
        "SQLHOSTING_JOURNAL": str(folder / "journal.jsonl"), **environment,
    }  # fmt: skip
    return subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments],
        cwd=folder, env={key: value for key, value in environment.items() if value}, text=True, timeout=120,
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip


def listed(source: Path, portal: Portal, **environment: str) -> dict[str, Any]:
    """What ``ansible-inventory --list`` shows."""
    environment = {"SQLHOSTING_URL": portal.url, "SQLHOSTING_TOKEN": TOKEN, **environment}
    done = ansible("ansible-inventory", "-i", str(source), "--list", folder=source.parent, **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout, object_hook=_value)
    return found


def _value(found: dict[str, Any]) -> Any:
    """Ansible marks what it will never take for a template."""
    return found.get("__ansible_unsafe", found)


def refused(source: Path, portal: Portal, *arguments: str, **environment: str) -> str:
    """What is said when the inventory cannot be had; never the token."""
    environment = {"SQLHOSTING_URL": portal.url, "SQLHOSTING_TOKEN": TOKEN, **environment}
    done = ansible(
        "ansible-inventory", "-i", str(source), "--list", *arguments, folder=source.parent, **environment
    )
    assert done.returncode != 0, done.stdout
    assert TOKEN not in done.stdout + done.stderr
    return " ".join(done.stderr.split())


def test_pools_are_groups_and_instances_hosts_with_their_variables(portal: Portal, source: Path) -> None:
    found = listed(source, portal)
    hosts = found["_meta"]["hostvars"]
    assert found["standalone"]["hosts"] == ["sql01", "sql-02"]
    assert set(found["all"]["children"]) >= {"standalone", "pairs"}
    assert hosts["sql01"]["pool_thresholds"] == {"cpu_percent": 70}
    assert (hosts["sql01"]["pool_kind"], hosts["sql01"]["ansible_connection"]) == ("standalone", "local")
    assert hosts["sql01"]["sqlhosting_connection"]["login_password"] == PASSWORD
    assert hosts["sql01"]["platform_connection"] == {
        "login_host": "sql01.example.com",
        "login_port": 1433,
        "login_user": "platform",
    }
    assert portal.asked == [("/api/v1/inventory", f"Bearer {TOKEN}")]


def test_what_the_platform_says_is_never_a_template(portal: Portal, source: Path) -> None:
    play = source.parent / "play.yml"
    names = ("instance_customer_host", "sqlhosting_connection.login_password", "ansible_python_interpreter")
    shown = " ".join(f"{{{{ {name} }}}}" for name in names)
    play.write_text(
        json.dumps([{"hosts": "sql01", "gather_facts": False, "tasks": [{"debug": {"msg": shown}}]}])
    )
    done = ansible(
        "ansible-playbook", "-i", str(source), str(play), folder=source.parent,
        SQLHOSTING_URL=portal.url, SQLHOSTING_TOKEN=TOKEN, ANSIBLE_CALLBACK_RESULT_FORMAT="json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{{{{ lookup('pipe', 'touch EVIL') }}}} {PASSWORD} {sys.executable}" in done.stdout
    assert not list(source.parent.rglob("EVIL"))
    assert not (ROOT / "EVIL").exists()


def test_the_token_may_lie_in_a_file_beside_the_configuration(portal: Portal, source: Path) -> None:
    (source.parent / "inventory.token").write_text(TOKEN + "\n")
    config = source.with_name("ours.platform.yml")
    config.write_text(f"plugin: sqlhosting.mssql.platform\nurl: {portal.url}/\ntoken_file: inventory.token\n")
    found = listed(config, portal, SQLHOSTING_TOKEN="", SQLHOSTING_URL="")
    assert found["standalone"]["hosts"] == ["sql01", "sql-02"]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "(HTTP 401). The token is not valid or has expired: make a new one"),
        (403, "(HTTP 403). The token may not read the inventory"),
        (404, "(HTTP 404). There is no such address: url must be that of the platform, without /api/v1"),
        (429, "(HTTP 429). The platform was asked too often"),
        (500, "(HTTP 500). See the log of the portal"),
        (418, "(HTTP 418). Check url and token"),
        (302, "answers from another address (302). Put that address into url"),
    ],
)
def test_a_refusal_is_told_with_its_remedy(portal: Portal, source: Path, status: int, why: str) -> None:
    portal.status = status
    if status == 302:
        portal.location = f"{portal.url}/elsewhere"
    assert why in refused(source, portal, "-vvvv")
    assert [path for path, _token in portal.asked] == ["/api/v1/inventory"]


def _changed(path: str, value: Any) -> dict[str, Any]:
    """``ANSWER`` with one thing in it changed; ``path`` is keys and positions, joined by dots."""
    answer = copy.deepcopy(ANSWER)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    found: Any = answer
    for part in way:
        found = found[part]
    found[last] = value
    return answer


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([], "The answer is not an inventory: it has no version"),
        (_changed("version", 2), "The platform speaks version 2 of the inventory, this plugin version 1"),
        (_changed("pools", {}), "pools is not a list of objects"),
        (_changed("pools.0.instances", [1]), "pool standalone: instances is not a list of objects"),
        (_changed("pools.0.name", "all"), "Ansible needs this name itself"),
        (_changed("pools.0.name", "a b"), "a pool has the name 'a b', which Ansible cannot use"),
        (_changed("pools.0.instances.0.name", "x:y"), "an instance of pool standalone has the name 'x:y'"),
        (_changed("pools.0.instances.0.variables", []), None),
        (_changed("pools.0.instances.0.variables", ["a"]), "instance sql01: variables is not an object"),
        (_changed("pools.0.variables", {"ansible_connection": "ssh"}), "'ansible_connection' is refused"),
        (_changed("pools.1.instances", [{"name": "sql01", "variables": {}}]), "sql01 is in two pools"),
    ],
)
def test_an_answer_that_is_no_inventory_is_refused(
    portal: Portal, source: Path, answer: Any, why: str | None
) -> None:
    portal.answer(answer)
    if why is None:  # an empty list is how some languages write an empty object
        assert "sql01" in listed(source, portal)["_meta"]["hostvars"]
    else:
        assert why in refused(source, portal)


def test_a_page_that_is_not_json_is_told_as_such(portal: Portal, source: Path) -> None:
    portal.body = b"<html>Please log in</html>"
    assert "The answer is not JSON. Is url the platform's" in refused(source, portal)


def test_a_platform_that_does_not_answer_in_time_is_given_up(portal: Portal, source: Path) -> None:
    portal.delay_s = 3
    source.write_text("plugin: sqlhosting.mssql.platform\ntimeout_s: 1\n")
    assert "did not answer within 1 s" in refused(source, portal)


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"SQLHOSTING_TOKEN": ""}, "There is no token. Make one in the portal"),
        ({"SQLHOSTING_TOKEN": "", "SQLHOSTING_TOKEN_FILE": "/nowhere"}, "token_file /nowhere: No such file"),
        ({"SQLHOSTING_TOKEN": "two words"}, "The token holds characters that no token has"),
        ({"SQLHOSTING_URL": "ftp://127.0.0.1"}, "is not the address of a platform"),
        ({"SQLHOSTING_URL": "https://user:secret@127.0.0.1"}, "url (127.0.0.1) is not the address"),
        ({"SQLHOSTING_URL": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"SQLHOSTING_URL": ""}, "url"),
    ],
)
def test_options_that_cannot_work_are_refused(
    portal: Portal, source: Path, environment: dict[str, str], why: str
) -> None:
    told = refused(source, portal, **environment)
    assert why in told
    assert "secret" not in told
    assert portal.asked == []


def test_another_file_is_not_taken_for_a_platform(portal: Portal, source: Path) -> None:
    other = source.with_name("hosts.yml")
    other.write_text(source.read_text())
    refused(other, portal)
    assert portal.asked == []


@pytest.mark.parametrize("with_password", [True, False])
def test_a_playbook_runs_with_it(
    portal: Portal, source: Path, simulator: Simulator, with_password: bool
) -> None:
    instance = simulator.instances["sql01"]
    connection: dict[str, Any] = {
        "login_host": instance.host, "login_port": instance.port, "login_user": "sa",
        "trust_server_certificate": True, "odbc_driver": DRIVERS["freetds"],
    }  # fmt: skip
    if with_password:
        connection["login_password"] = SA_PASSWORD
    answer = _changed("pools.0.instances.0.variables.sqlhosting_connection", connection)
    answer["pools"][0]["instances"].pop()
    portal.answer(answer)
    environment = {"SQLHOSTING_URL": portal.url, "SQLHOSTING_TOKEN": TOKEN}
    play = ["-i", str(source), str(ROOT / "playbooks" / "discover.yml"), "-vvv"]
    done = ansible("ansible-playbook", *play, folder=source.parent, **environment)
    assert SA_PASSWORD not in done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr
    if with_password:
        assert done.returncode == 0, done.stdout
        assert "SQL Server 2022" in done.stdout
        return
    assert "login_password: is needed with authentication: sql" in done.stdout
    (source.parent / "password").write_text(SA_PASSWORD)
    more = source.parent / "connection.yml"
    more.write_text(
        "sqlhosting_connection: \"{{ platform_connection | combine({'login_password': "
        f"lookup('ansible.builtin.file', '{source.parent}/password')}}) }}}}\"\n"
    )
    done = ansible("ansible-playbook", *play, "-e", f"@{more}", folder=source.parent, **environment)
    assert done.returncode == 0, done.stdout
    assert SA_PASSWORD not in done.stdout + done.stderr


def test_the_example_in_the_repository_is_ready_to_use(portal: Portal) -> None:
    assert "sql01" in listed(ROOT / "inventories" / "platform" / "platform.yml", portal)["_meta"]["hostvars"]
