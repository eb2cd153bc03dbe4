"""A planted password is nowhere but in the login packet: plant it, run loudly, search everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.modules import AnsibleRunner, local_play, login_options
from tests.support.processes import watched_arguments
from tests.support.simulators import SA_PASSWORD, Simulator

PLANTED = "Pl4nted'Secret-9"
FORMS = (PLANTED, PLANTED.replace("'", "''"), PLANTED.replace("'", "\\'"))


def _play(simulator: Simulator, driver: str, name: str, **keywords: Any) -> dict[str, Any]:
    login = login_options(simulator.instances["sql01"], driver)
    return local_play(
        {"sqlhosting.mssql.mssql_login": {**login, "name": name, "password": "{{ planted }}"}},
        {"sqlhosting.mssql.mssql_login": {**login, "name": name, "password": "{{ planted }}"}},
        {
            "sqlhosting.mssql.mssql_login": {
                **login,
                "login_user": name,
                "login_password": "{{ planted }}",
                "name": "another",
                "password": "{{ planted }}x",
            },
            "ignore_errors": True,
        },
        {
            "sqlhosting.mssql.mssql_login": {**login, "name": name, "password": "{{ planted }}", "typo": 1},
            "ignore_errors": True,
        },
        {
            "sqlhosting.mssql.mssql_database": {**login, "login_password": "{{ planted }}", "name": "x"},
            "ignore_errors": True,
        },
        **keywords,
    )


def _leaks(folder: Path) -> list[str]:
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "secrets.json":
            text = path.read_bytes()
            found += [
                str(path)
                for form in (*FORMS, SA_PASSWORD)
                if form.encode() in text and path.name != "play.yml"
            ]
    return found


@pytest.mark.parametrize(
    ("way", "arguments"),
    [
        ("in_process", ("-vvvv", "--diff")),
        ("out_of_process", ("-vvvv", "--diff")),
    ],
)
def test_a_planted_password_is_nowhere(
    run_ansible: AnsibleRunner, simulator: Simulator, driver: str, way: str, arguments: tuple[str, ...]
) -> None:
    secrets = run_ansible.folder / "secrets.json"
    secrets.write_text(f'{{"planted": "{PLANTED}"}}')
    play = _play(
        simulator,
        driver,
        f"planted_{driver}_{way}",
        vars={"sqlhosting_in_process": way == "in_process"},
    )
    with watched_arguments() as processes:
        run = run_ansible.playbook([play], "-e", f"@{secrets}", *arguments, as_program=True)
    assert "failed=0" in run.output, run.output[-3000:]
    assert run.journal()
    texts = {
        "output": run.output,
        "trace": simulator.trace_path.read_text(),
        "processes": "\n".join(processes),
        "journal": run.journal_path.read_text(),
    }
    for place, text in texts.items():
        for form in FORMS:
            assert form not in text, place
    assert SA_PASSWORD not in texts["journal"] + texts["processes"] + texts["output"]
    assert _leaks(run_ansible.folder) == []


def test_the_command_shows_no_secret_either(run_ansible: AnsibleRunner, simulator: Simulator) -> None:
    secrets = run_ansible.folder / "secrets.json"
    secrets.write_text(f'{{"planted": "{PLANTED}"}}')
    run = run_ansible.playbook([_play(simulator, "freetds", "planted_report")], "-e", f"@{secrets}")
    for command in (("journal", "report"), ("journal", "sql")):
        shown = subprocess.run(
            [sys.executable, "-c", "from webapp.cli import main; main()", *command, str(run.journal_path)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "$(" in shown
        assert not any(form in shown for form in FORMS)
