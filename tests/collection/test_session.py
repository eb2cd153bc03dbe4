"""A session: nothing is sent without its line in the journal, and every failure says what is known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils import _errors
from ansible_collections.sqlhosting.mssql.plugins.module_utils._arguments import full_spec, validate
from ansible_collections.sqlhosting.mssql.plugins.module_utils._journal import Journal, count, parse_lines
from ansible_collections.sqlhosting.mssql.plugins.module_utils._plan import Plan
from ansible_collections.sqlhosting.mssql.plugins.module_utils._session import RunContext, Session
from ansible_collections.sqlhosting.mssql.plugins.module_utils._templates import FolderTemplates

from tests.support.modules import login_options
from tests.support.simulators import Instance, Simulator

TEMPLATES = {
    "test/one": "SELECT 1 AS One",
    "test/secret": "SELECT 1 AS same WHERE N'a' = {{ p|secret('pw') }}",
    "test/wrong": "SELECT * FROM nowhere WHERE x = {{ p|secret('pw') }}",
    "test/create": "CREATE DATABASE {{ name|ident }}",
    "test/drop": "DROP DATABASE {{ name|ident }}",
    "test/print": "PRINT N'hello'",
    "test/compare": "SELECT CASE WHEN ? = N'x' THEN 1 ELSE 0 END AS same",
    "test/several": "SELECT 1 AS a; PRINT N'between'; SELECT 2 AS b",
    "test/late_error": "SELECT 1 AS a; THROW 50001, N'too late', 1",
    "test/where": "SELECT DB_NAME() AS name",
}

Factory = Callable[..., Session]


@pytest.fixture
def templates(tmp_path: Path) -> FolderTemplates:
    """The shipped templates and those of this file."""
    for name, text in TEMPLATES.items():
        file = tmp_path / "templates" / f"{name}.sql.j2"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return FolderTemplates(str(tmp_path / "templates"))


@pytest.fixture
def create_session(
    instance: Instance, driver: str, templates: FolderTemplates, journal_path: Path, simulator: Simulator
) -> Iterator[Factory]:
    """Opens sessions on sql01; ``pauses`` of the session's context collects how long it waited."""
    opened: list[Session] = []

    def create(
        *, check_mode: bool = False, plan: Plan | None = None, run: str = "R1", **options: Any
    ) -> Session:
        pauses: list[float] = []
        context = RunContext(
            journal=Journal(str(journal_path), run),
            templates=templates,
            plan=plan,
            check_mode=check_mode,
            inventory_host="sql01",
            task="a task",
            pause=pauses.append,
        )
        context.pauses = pauses  # type: ignore[attr-defined]
        params, _secrets = validate(full_spec({}), {}, login_options(instance, driver, **options))
        opened.append(Session(params, context))
        return opened[-1]

    yield create
    simulator.control.clear_faults()
    for session in opened:
        session.close()


def _lines(path: Path) -> list[dict[str, Any]]:
    return parse_lines(path.read_bytes())


def _events(path: Path) -> list[tuple[str, str, str | None]]:
    return [(line["event"], line["text"], line.get("status")) for line in _lines(path)]


def test_a_read_gives_rows_and_two_lines(create_session: Factory, journal_path: Path) -> None:
    assert create_session().read("test/one") == [{"one": 1}]
    intent, outcome = _lines(journal_path)
    for line in (intent, outcome):
        assert line["statement_id"] == intent["statement_id"]
        assert line["run"] == "R1"
        assert line["database"] == "master"
        assert line["template"] == "test/one"
        assert line["template_revision"].startswith("custom:")
        assert line["kind"] == "read"
        assert line["text"] == "SELECT 1 AS One"
        assert line["sha256"] == hashlib.sha256(b"SELECT 1 AS One").hexdigest()
        assert line["check_mode"] is False
        assert (line["inventory_host"], line["task"]) == ("sql01", "a task")
        assert line["at"].endswith("Z")
    assert (intent["event"], intent["seq"]) == ("intent", 1)
    assert (outcome["event"], outcome["seq"], outcome["status"], outcome["rowcount"]) == (
        "outcome",
        2,
        "ok",
        1,
    )
    assert outcome["duration_ms"] > 0
    assert outcome["error"] is None


def test_the_journal_is_what_the_server_saw(
    create_session: Factory, journal_path: Path, simulator: Simulator
) -> None:
    before = len(simulator.trace())
    session = create_session()
    session.read("test/one")
    session.read("test/where", database="msdb")
    session.read("test/compare", parameters=("x",))
    sent = simulator.sent_by_modules(after=before)
    assert sent[:4] == [line["text"] for line in _lines(journal_path) if line["event"] == "intent"][:4]


def test_another_database_is_entered_and_left_again(create_session: Factory, journal_path: Path) -> None:
    session = create_session()
    assert session.read("test/where", database="msdb") == [{"name": "msdb"}]
    assert session.read("test/where") == [{"name": "master"}]
    assert [text for event, text, _ in _events(journal_path) if event == "intent"] == [
        "USE [msdb]",
        "SELECT DB_NAME() AS name",
        "USE [master]",
        "SELECT DB_NAME() AS name",
    ]


def test_a_database_that_is_missing_is_named(create_session: Factory) -> None:
    with pytest.raises(_errors.DatabaseMissing) as caught:
        create_session().read("test/one", database="no]where")
    assert caught.value.number == 911
    assert "database [no]where]" in str(caught.value)


def test_all_results_are_stepped_through(create_session: Factory, journal_path: Path) -> None:
    session = create_session()
    assert session.read("test/several") == [{"b": 2}]
    assert [message["text"] for message in session.messages] == ["between"]
    assert _lines(journal_path)[-1]["messages"] == session.messages


def test_an_error_after_the_first_result_is_not_lost(create_session: Factory) -> None:
    with pytest.raises(_errors.StatementFailed) as caught:
        create_session().read("test/late_error")
    assert caught.value.number == 50001


def test_a_message_of_low_severity_is_collected(create_session: Factory) -> None:
    session = create_session()
    session.change("test/print", "do `it`")
    assert [message["text"] for message in session.messages] == ["hello"]


def test_a_secret_is_in_no_line_and_no_message(create_session: Factory, journal_path: Path) -> None:
    session = create_session()
    session.read("test/secret", p="pla'nted")
    session.read("test/compare", parameters=("pla'nted",))
    with pytest.raises(_errors.ObjectMissing) as caught:
        session.read("test/wrong", p="pla'nted")
    text = journal_path.read_text() + str(caught.value) + repr(caught.value)
    assert "pla'nted" not in text
    assert "pla''nted" not in text
    assert "N'$(pw)'" in text
    assert [line["parameters"] for line in _lines(journal_path)][2] == ["<secret>"]


def test_check_mode_plans_changes_and_still_reads(create_session: Factory, journal_path: Path) -> None:
    session = create_session(check_mode=True)
    session.read("test/one")
    session.change("test/create", "do `it`", creates="database:planned", name="planned")
    assert session.counts == {"read": 1, "change": 0, "planned": 1}
    planned = _lines(journal_path)[-1]
    assert (planned["event"], planned["text"], planned["check_mode"]) == (
        "planned",
        "CREATE DATABASE [planned]",
        True,
    )
    assert session.is_planned("database:planned")
    assert create_session(check_mode=True).is_planned("database:PLANNED")  # another task of the run
    assert not create_session(check_mode=True, run="R2").is_planned("database:planned")
    assert not create_session().is_planned("database:planned")


def test_nothing_is_sent_when_the_journal_cannot_be_written(
    create_session: Factory, simulator: Simulator
) -> None:
    session = create_session()
    session.read("test/one")
    session.context.journal.close()
    session.context.journal.path = "/dev/full"
    session.context.journal._offset = 0
    before = len(simulator.trace())
    with pytest.raises(_errors.JournalUnavailable):
        session.change("test/create", "do `it`", name="never")
    assert len(simulator.trace()) == before


def _plan(instance: Instance, *texts: str) -> Plan:
    return Plan(
        [
            {
                "instance": f"{instance.host},{instance.port}",
                "database": "master",
                "template": "test/create",
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
                "text": text,
            }
            for text in texts
        ]
    )


def test_only_the_approved_plan_is_sent(
    create_session: Factory, instance: Instance, simulator: Simulator, driver: str
) -> None:
    first, second = f"gate_{driver}_1", f"gate_{driver}_2"
    plan = _plan(instance, f"CREATE DATABASE [{first}]", f"CREATE DATABASE [{second}]")
    create_session(plan=plan).change("test/create", "do `it`", name=first)
    other_task = create_session(plan=plan)
    before = len(simulator.trace())
    with pytest.raises(_errors.PlanRefused, match="does not hold"):
        other_task.change("test/create", "do `it`", name="other")
    with pytest.raises(_errors.PlanRefused, match="only earlier"):
        other_task.change("test/create", "do `it`", name=first)
    assert [line["text"] for line in simulator.trace()[before:] if "CREATE" in line["text"]] == []
    other_task.change("test/create", "do `it`", name=second)
    resumed = create_session(plan=plan, run="R2")  # a new run of the same plan begins at its start
    with pytest.raises(_errors.ObjectExists):
        resumed.change("test/create", "do `it`", name=first)


@pytest.mark.parametrize("number", [1205, 1807, 5059])
def test_an_error_that_passes_is_tried_again_with_pauses(
    create_session: Factory, simulator: Simulator, journal_path: Path, number: int
) -> None:
    simulator.control.add_fault("sql01", kind="error", pattern="PRINT", number=number, times=2)
    session = create_session()
    session.change("test/print", "do `it`")
    assert [status for event, _, status in _events(journal_path) if event == "outcome"] == [
        "error",
        "error",
        "ok",
    ]
    assert len(session.context.pauses) == 2
    assert len({line["statement_id"] for line in _lines(journal_path)}) == 3


def test_an_error_that_stays_is_told_after_a_limit(create_session: Factory, simulator: Simulator) -> None:
    simulator.control.add_fault("sql01", kind="error", pattern="PRINT", number=1807)
    session = create_session()
    with pytest.raises(_errors.InUse, match="tried again several times"):
        session.change("test/print", "do `it`")
    assert len(session.context.pauses) == 5


def test_an_error_that_does_not_pass_is_not_tried_again(
    create_session: Factory, simulator: Simulator
) -> None:
    simulator.control.add_fault("sql01", kind="error", pattern="PRINT", number=3702)
    session = create_session()
    with pytest.raises(_errors.InUse):
        session.change("test/print", "do `it`")
    assert session.context.pauses == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_link_that_breaks_while_changing_leaves_the_outcome_unknown(
    create_session: Factory, simulator: Simulator, journal_path: Path, when: str
) -> None:
    simulator.control.add_fault("sql01", kind="drop", pattern="PRINT", when=when, times=1)
    session = create_session()
    with pytest.raises(_errors.OutcomeUnknown, match="may or may not have taken effect"):
        session.change("test/print", "do `it`")
    assert _events(journal_path)[-1][2] == "unknown"
    assert count(_lines(journal_path))["unknown"] == 1
    assert session.read("test/one") == [{"one": 1}]  # on a new connection


def test_a_link_that_breaks_while_reading_is_no_mystery(
    create_session: Factory, simulator: Simulator
) -> None:
    simulator.control.add_fault("sql01", kind="drop", pattern="SELECT 1 AS One", times=1)
    with pytest.raises(_errors.ConnectionLost):
        create_session().read("test/one")


def test_a_statement_that_takes_too_long_has_an_unknown_outcome(
    create_session: Factory, simulator: Simulator
) -> None:
    simulator.control.add_fault("sql01", kind="delay", pattern="PRINT", seconds=5, times=1)
    with pytest.raises(_errors.OutcomeUnknown, match="query_timeout"):
        create_session(query_timeout=1).change("test/print", "do `it`")


def test_the_server_is_known(create_session: Factory) -> None:
    server = create_session().server
    assert (server.major_version, server.server_name, server.login) == (16, "sql01", "sa")
    assert server.is_sysadmin
    assert not server.is_case_sensitive
    assert server.default_data_path.startswith("/")


def test_a_missing_template_is_named(create_session: Factory) -> None:
    with pytest.raises(_errors.TemplateError, match=r"test/absent\.sql\.j2"):
        create_session().read("test/absent")
    with pytest.raises(_errors.TemplateError, match="not a template's name"):
        create_session().read("../../etc/passwd")


def test_connections_carry_the_application_name(create_session: Factory, simulator: Simulator) -> None:
    create_session().read("test/one")
    assert simulator.trace()[-1]["app_name"] == "sqlhosting"
