"""Check mode shows exactly what the real run sends; an approved plan that no longer holds changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.belongings import login_sid

from tests.support.playbooks import ROOT, Run
from tests.support.simulators import connect


def make_plan(run: Run, folder: Path) -> Path:
    """The plan of a check-mode run, made with the command that operators use."""
    journal, plan = folder / "planned.jsonl", folder / "plan.json"
    journal.write_text("".join(json.dumps(line) + "\n" for line in run.journal))
    command = [str(Path(sys.executable).with_name("sqlhosting")), "plan", str(journal), "-o", str(plan)]
    subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    return plan


def test_check_mode_plans_the_statements_that_the_approved_run_then_sends(platform, tmp_path):
    booking = {
        "application_name": "planned",
        "application_instance": "sql01",
        "application_databases": [{"name": "orders"}, {"name": "stock", "collation": "Latin1_General_CI_AS"}],
    }
    planned = platform.play("book_application", "--check", **booking).succeeded()
    assert "planned_orders" not in platform.databases("sql01")
    assert planned.statements("intent") == []
    assert planned.statements("planned") != []
    assert all(line["text"] in planned.output for line in planned.journal if line["event"] == "planned")

    real = platform.play("book_application", plan=make_plan(planned, tmp_path), **booking).succeeded()
    assert real.statements("intent") == planned.statements("planned")


def test_a_target_that_changed_since_the_plan_is_refused_before_any_change(platform, simulator, tmp_path):
    booking = {
        "application_name": "drifted",
        "application_instance": "sql01",
        "application_databases": [{"name": "orders"}],
    }
    plan = make_plan(platform.play("book_application", "--check", **booking).succeeded(), tmp_path)
    # Somebody makes the login that was planned, and a database in its place with files of another kind.
    somebody = connect(simulator.instances["sql01"])
    try:
        sid = login_sid("drifted_owner")
        somebody.execute(f"CREATE LOGIN [drifted_owner] WITH PASSWORD = N'Another-1-Secret', SID = {sid}")
        somebody.execute("CREATE DATABASE [drifted_orders]")
    finally:
        somebody.close()

    refused = platform.play("book_application", plan=plan, **booking)
    assert refused.status != 0
    assert refused.statements("intent") == []
    assert "drifted_orders" in refused.output
    assert platform.databases("sql01")["drifted_orders"]["owner"] == "sa"


def test_a_deletion_is_planned_and_carried_out_too(platform, tmp_path):
    name = {"application_name": "leaving", "application_instance": "sql02"}
    platform.play("book_application", application_databases=[{"name": "orders"}], **name).succeeded()
    planned = platform.play("delete_application", "--check", **name).succeeded()
    real = platform.play("delete_application", plan=make_plan(planned, tmp_path), **name).succeeded()
    assert real.statements("intent") == planned.statements("planned") != []
