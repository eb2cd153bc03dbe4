"""The callback: each run has its journal, and its last line says where it is and what it holds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.modules import AnsibleRunner, local_play, login_options
from tests.support.simulators import Simulator


def _play(simulator: Simulator, name: str, instance: str = "sql01") -> dict[str, Any]:
    options = {**login_options(simulator.instances[instance], "freetds"), "name": name}
    return local_play({"sqlhosting.mssql.mssql_database": options})


def _closing_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("journal: ")]


def test_a_run_without_settings_gets_a_journal_beside_ansible_cfg(
    run_ansible: AnsibleRunner, simulator: Simulator
) -> None:
    run = run_ansible.playbook(
        [_play(simulator, "callback"), _play(simulator, "callback", "sql02")], SQLHOSTING_JOURNAL=""
    )
    assert run.returncode == 0, run.output
    (line,) = _closing_lines(run.output)
    found = re.fullmatch(
        r"journal: (\.artifacts/journals/\d{8}T\d{6}Z-play-\d+\.jsonl) "
        r"\(statements: (\d+) read, (\d+) changing\)",
        line,
    )
    assert found, line
    lines = [json.loads(raw) for raw in (run_ansible.folder / found[1]).read_text().splitlines()]
    assert len({raw["run"] for raw in lines}) == 1
    assert len({raw["instance"] for raw in lines}) == 2
    intents = [raw for raw in lines if raw["event"] == "intent"]
    assert [found[2], found[3]] == [
        str(sum(1 for raw in intents if raw["kind"] == kind)) for kind in ("read", "change")
    ]


def test_check_mode_counts_what_was_planned(run_ansible: AnsibleRunner, simulator: Simulator) -> None:
    run = run_ansible.playbook([_play(simulator, "only_planned")], "--check", "-vvvv")
    assert run.returncode == 0, run.output
    assert re.search(r"\(statements: \d+ read, 0 changing, \d+ planned\)", _closing_lines(run.output)[0])
    assert not any(line["event"] == "intent" and line["kind"] == "change" for line in run.journal())


def test_two_runs_share_a_file(run_ansible: AnsibleRunner, simulator: Simulator) -> None:
    first = run_ansible.playbook([_play(simulator, "shared")])
    second = run_ansible.playbook([_play(simulator, "shared")])
    assert "0 changing" not in _closing_lines(first.output)[0]
    assert "0 changing" in _closing_lines(second.output)[0]
    assert len({line["run"] for line in second.journal()}) == 2


def test_a_run_that_sends_nothing_says_nothing(run_ansible: AnsibleRunner) -> None:
    run = run_ansible.playbook([local_play({"ansible.builtin.debug": {"msg": "x"}})])
    assert run.returncode == 0
    assert _closing_lines(run.output) == []
    assert not run.journal_path.exists()


def test_the_ansible_command_has_a_journal_too(run_ansible: AnsibleRunner, simulator: Simulator) -> None:
    login = login_options(simulator.instances["sql01"], "freetds")
    run = run_ansible.command(
        "ansible", "-i", "localhost,", "-c", "local", "localhost", "-m", "sqlhosting.mssql.mssql_discover",
        "-a", json.dumps({**login, "gather_subset": ["version"]}), ANSIBLE_LOAD_CALLBACK_PLUGINS="1",
    )  # fmt: skip
    assert run.returncode == 0, run.output
    assert run.journal()


@pytest.mark.parametrize("content", [b"\xff\xfe not a journal\n", b'{"event": "intent"}\n', b'["a"]\n'])
def test_a_strange_journal_never_breaks_a_run(run_ansible: AnsibleRunner, content: bytes) -> None:
    run_ansible.journal_path.write_bytes(content)
    run = run_ansible.playbook([local_play({"ansible.builtin.debug": {"msg": "x"}})])
    assert run.returncode == 0, run.output


def test_without_the_callback_a_run_has_one_journal(run_ansible: AnsibleRunner, simulator: Simulator) -> None:
    run = run_ansible.playbook(
        [_play(simulator, "callback"), _play(simulator, "callback", "sql02")],
        SQLHOSTING_JOURNAL="",
        ANSIBLE_CALLBACKS_ENABLED="",
    )
    assert run.returncode == 0, run.output
    (journal,) = Path(run_ansible.folder).glob(".artifacts/journals/*.jsonl")
    assert len({json.loads(raw)["run"] for raw in journal.read_text().splitlines()}) == 1


def test_a_journal_that_is_a_device_fails_the_task_and_is_not_read(
    run_ansible: AnsibleRunner, simulator: Simulator
) -> None:
    run = run_ansible.playbook([_play(simulator, "never_made")], SQLHOSTING_JOURNAL="/dev/full")
    assert run.returncode == 2, run.output
    assert "journal /dev/full: No space left on device" in run.output
    assert _closing_lines(run.output) == []


@pytest.mark.parametrize("driver", ["freetds", "msodbcsql18"])
def test_a_task_that_failed_after_a_change_is_named_with_what_was_sent(
    run_ansible: AnsibleRunner, simulator: Simulator, driver: str, tmp_path: Path
) -> None:
    folder = tmp_path / "templates" / "login"
    folder.mkdir(parents=True)
    # A template of an operator's own that does less than it says.
    (folder / "disable.sql.j2").write_text("{# Nothing. #}\nALTER LOGIN {{ name|ident }} ENABLE\n")
    options = {**login_options(simulator.instances["sql01"], driver), "password": "Correct-Horse-7"}
    task = {
        "name": "Shut out",
        "sqlhosting.mssql.mssql_login": {**options, "name": "{{ item }}", "enabled": False},
        "loop": [f"half_{driver}_1", f"half_{driver}_2"],
    }
    run = run_ansible.playbook([local_play(task)], SQLHOSTING_TEMPLATES=str(tmp_path / "templates"))
    assert run.returncode == 2, run.output
    assert "HALF DONE on localhost: 'Shut out' failed, 4 changing statements had been sent." in run.output


def test_text_of_a_server_is_never_a_template(run_ansible: AnsibleRunner, simulator: Simulator) -> None:
    options = login_options(simulator.instances["sql01"], "freetds")
    hostile = "{{ 7*7 }}{% raw %}x"
    tasks = [
        {
            "sqlhosting.mssql.mssql_database": {**options, "name": "{{ hostile }}"},
            "register": "made",
        },
        {
            "sqlhosting.mssql.mssql_login": {**options, "name": "{{ hostile }}", "state": "present"},
            "register": "refused",
            "ignore_errors": True,
        },
        {"ansible.builtin.debug": {"msg": "{{ made.summary }}"}},
        {"ansible.builtin.debug": {"var": "made.database.name"}},
        {"ansible.builtin.set_fact": {"kept": "{{ refused.msg }}"}},
        {"ansible.builtin.debug": {"msg": "{{ kept }}"}},
        {
            "ansible.builtin.assert": {
                "that": "made.summary == 'never'",
                "fail_msg": "{{ made.database.name ~ refused.msg }}",
            }
        },
    ]
    play = local_play(*tasks)
    play["vars"] = {"hostile": "{{ lookup('ansible.builtin.env', 'HOSTILE_NAME') }}"}
    run = run_ansible.playbook([play], HOSTILE_NAME=hostile)
    assert "7*7" in run.output
    assert "49{%" not in run.output and "49x" not in run.output, run.output
    assert run.output.count("{{ 7*7 }}") >= 5, run.output


@pytest.mark.parametrize("given", ["by its path", "by its name", "not at all"])
def test_later_tasks_find_the_driver_loaded_that_the_first_one_connected_with(
    given: str, run_ansible: AnsibleRunner, simulator: Simulator, tmp_path: Path
) -> None:
    options = {**login_options(simulator.instances["sql01"], "msodbcsql18"), "name": "loaded"}
    registered = "ODBC Driver 18 for SQL Server"
    (tmp_path / "odbcinst.ini").write_text(f"[{registered}]\nDriver = {options['odbc_driver']}\n")
    if given == "by its name":
        options["odbc_driver"] = registered
    elif given == "not at all":
        del options["odbc_driver"]
    is_loaded = "'libmsodbcsql' in lookup('ansible.builtin.file', '/proc/self/maps')"
    run = run_ansible.playbook(
        [
            local_play(
                {"ansible.builtin.assert": {"that": [f"not ({is_loaded})"]}},
                {"sqlhosting.mssql.mssql_database": options},
                {"ansible.builtin.assert": {"that": [is_loaded]}},
            )
        ],
        ODBCSYSINI=str(tmp_path),
    )
    assert run.returncode == 0, run.output
