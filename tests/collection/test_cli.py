"""The command sqlhosting: a journal as a report, as a script for sqlcmd, and as a plan."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from webapp.cli import main


class JournalFile:
    """Writes journal lines as the modules do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seq = 0

    def write(self, event: str, text: str, **more: Any) -> None:
        self.seq += 1
        line = {
            "event": event,
            "run": "R1",
            "seq": self.seq,
            "statement_id": more.pop("key", text),
            "at": f"2026-01-02T03:04:{self.seq:02}.500000Z",
            "instance": "sql01,1433",
            "inventory_host": "sql01",
            "task": "Create the database",
            "database": "master",
            "template": "database/create",
            "kind": "change",
            "text": text,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "check_mode": event == "planned",
            **more,
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def sent(self, text: str, status: str = "ok", error: dict[str, Any] | None = None, **more: Any) -> None:
        self.write("intent", text, **more)
        self.write(
            "outcome", text, status=status, duration_ms=12.3, rowcount=None, messages=[], error=error, **more
        )


@pytest.fixture
def journal(tmp_path: Path) -> JournalFile:
    return JournalFile(tmp_path / "j.jsonl")


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _script(journal: JournalFile, *options: str) -> list[str]:
    done = _run("journal", "sql", journal.path, *options)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def _statements(script: list[str]) -> list[str]:
    return [line for line in script if line and not line.startswith(("--", ":"))]


def test_report_shows_every_statement_with_its_outcome(journal: JournalFile) -> None:
    journal.sent("SELECT 1", kind="read")
    journal.sent("CREATE DATABASE [shop]")
    journal.sent("DROP DATABASE [x]", "error", {"number": 3702, "message": "Cannot drop it"})
    journal.write("intent", "ALTER DATABASE [y]")
    report = _run("journal", "report", journal.path).output
    assert "1 read, 3 changing, 0 planned, 1 failed, 1 outcome unknown" in report
    assert "Create the database on sql01" in report
    assert "! Cannot drop it (error 3702)" in report
    assert "OUTCOME UNKNOWN  change  sql01,1433 [master]" in report
    assert "03:04:01.500  ok  read" in report
    only = _run("journal", "report", journal.path, "--failed").output
    assert "DROP DATABASE [x]" in only
    assert "CREATE DATABASE [shop]" not in only
    assert "SELECT 1" not in _run("journal", "report", journal.path, "--changes").output


def test_a_task_s_name_stays_on_one_line_of_the_report(journal: JournalFile) -> None:
    journal.sent("CREATE DATABASE [shop]", task="Create\n  DROP DATABASE [y]")
    report = _run("journal", "report", journal.path).output
    assert "\nCreate DROP DATABASE [y] on sql01\n" in report


@pytest.mark.parametrize("command", [("journal", "report"), ("journal", "sql"), ("plan",)])
def test_a_device_is_no_journal(command: tuple[str, ...]) -> None:
    done = _run(*command, "/dev/full")
    assert done.exit_code != 0
    assert "not a file" in done.output


def test_report_tolerates_torn_lines_and_says_so(journal: JournalFile) -> None:
    journal.sent("SELECT 1")
    with journal.path.open("a") as file:
        file.write('{"event": "intent", "statem')
    assert "1 line could not be read" in _run("journal", "report", journal.path).output


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), ("not a journal\n", "holds no journal line"), ("", "no statements")],
)
def test_report_says_what_is_wrong_with_a_file(tmp_path: Path, content: str | None, says: str) -> None:
    if content is not None:
        (tmp_path / "x").write_text(content)
    assert says in _run("journal", "report", tmp_path / "x").output


def test_sql_is_a_script_for_sqlcmd(journal: JournalFile) -> None:
    journal.sent("SELECT 1", kind="read")
    journal.sent("USE [shop]", kind="read", template="session/use")
    journal.sent("CREATE DATABASE [shop]")
    journal.sent("CREATE USER [a] FOR LOGIN [a]", database="shop")
    journal.sent("CREATE USER [b] FOR LOGIN [b]", database="shop")
    script = _script(journal)
    assert ":on error exit" in script
    assert _statements(script) == [
        "USE [master]",
        "GO",
        "CREATE DATABASE [shop]",
        "GO",
        "USE [shop]",
        "GO",
        "CREATE USER [a] FOR LOGIN [a]",
        "GO",
        "CREATE USER [b] FOR LOGIN [b]",
        "GO",
    ]
    assert any(
        line.startswith("-- 2026-01-02T03:04:05.500000Z ok, 12.3 ms: sql01,1433 (sql01)") for line in script
    )
    assert "SELECT 1" in _script(journal, "--reads")


def test_sql_has_a_hint_for_each_secret(journal: JournalFile) -> None:
    journal.sent("CREATE LOGIN [a] WITH PASSWORD = N'$(a_password)'", secrets=["a_password"])
    script = _script(journal)
    assert '-- :setvar a_password "..."' in script
    assert "CREATE LOGIN [a] WITH PASSWORD = N'$(a_password)'" in script


def test_sql_hides_from_sqlcmd_what_is_not_meant_for_it(journal: JournalFile) -> None:
    journal.sent(
        "CREATE DATABASE [$(HOME)] -- x\nGO\n  go 5\n:r /etc/passwd\n!!rm\nquit\nGOOD", database="a$(b)"
    )
    script = _script(journal)
    assert ':setvar sqlhosting_char_24 "$"' in script
    assert _statements(script) == [
        "USE [a$(sqlhosting_char_24)(b)]",
        "GO",
        "CREATE DATABASE [$(sqlhosting_char_24)(HOME)] -- x",
        "$(sqlhosting_char_47)O",
        "  $(sqlhosting_char_67)o 5",
        "$(sqlhosting_char_3A)r /etc/passwd",
        "$(sqlhosting_char_21)!rm",
        "$(sqlhosting_char_71)uit",
        "GOOD",
        "GO",
    ]


def test_sql_keeps_failed_unknown_and_parametrised_statements_as_comments(journal: JournalFile) -> None:
    journal.sent("DROP DATABASE [x]", "error", {"number": 3702, "message": "in\nuse $(x)"})
    journal.write("intent", "DROP DATABASE [y]")
    journal.sent("SELECT PWDCOMPARE(?)", kind="read", parameters=["<secret>"])
    script = _script(journal, "--reads")
    assert _statements(script) == []
    assert "-- in use $ (x) (error 3702)" in script
    assert "--   DROP DATABASE [y]" in script


def test_sql_of_a_check_run_holds_what_was_planned(journal: JournalFile) -> None:
    journal.sent("SELECT 1", kind="read")
    journal.write("planned", "CREATE DATABASE [shop]")
    script = _script(journal)
    assert "1 statements that were planned" in script[0]
    assert "CREATE DATABASE [shop]" in script


def test_sql_of_several_instances_connects_to_each(journal: JournalFile) -> None:
    journal.sent("A")
    journal.sent("B", instance="sql02\\INST")
    assert [line for line in _script(journal) if line.startswith(":connect")] == [
        ":connect sql01,1433",
        ":connect sql02\\INST",
    ]


def test_plan_holds_the_planned_statements_in_order(journal: JournalFile, tmp_path: Path) -> None:
    journal.sent("SELECT 1", kind="read")
    journal.write("planned", "A")
    journal.write("planned", "B", database="shop")
    done = _run("plan", journal.path, "-o", tmp_path / "plan.json")
    assert done.exit_code == 0, done.output
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert [(s["text"], s["database"]) for s in plan["statements"]] == [("A", "master"), ("B", "shop")]
    assert plan["hash"] in done.output


def test_plan_refuses_the_journal_of_a_real_run(journal: JournalFile) -> None:
    journal.sent("A")
    done = _run("plan", journal.path)
    assert done.exit_code != 0
    assert "run with --check" in done.output


def test_plan_wants_to_know_which_run(journal: JournalFile) -> None:
    journal.write("planned", "A", key="1")
    journal.write("planned", "B", key="2", run="R2")
    assert "choose one by --run" in _run("plan", journal.path).output
    assert (
        json.loads(CliRunner().invoke(main, ["plan", str(journal.path), "--run", "R2"]).stdout)["statements"][
            0
        ]["text"]
        == "B"
    )
