"""Deleting takes what bookings made and nothing else."""

from __future__ import annotations

import pytest

from tests.support.simulators import connect


@pytest.mark.parametrize("playbook", ["delete_application", "delete_database"])
def test_databases_and_logins_of_somebody_else_are_left_alone_whatever_their_names(
    platform, simulator, playbook
):
    somebody = connect(simulator.instances["sql01"])
    name = playbook.replace("delete_", "foreign_")
    try:
        for login in (f"{name}_owner", f"{name}_app"):
            somebody.execute(f"CREATE LOGIN [{login}] WITH PASSWORD = N'Another-1-Secret'")
        somebody.execute(f"CREATE DATABASE [{name}_payroll]")
        somebody.execute(f"ALTER AUTHORIZATION ON DATABASE::[{name}_payroll] TO [{name}_owner]")

        refused = platform.play(
            playbook, application_name=name, application_database="payroll", application_purge=True
        )
        left = somebody.execute(f"SELECT COUNT(*) FROM sys.server_principals WHERE name LIKE N'{name}[_]%'")
        assert left.fetchval() == 2
    finally:
        somebody.close()
    assert refused.status != 0
    assert f"a login {name}_owner is there that no booking made" in refused.output
    assert refused.statements("intent") == []
    assert f"{name}_payroll" in platform.databases("sql01")


@pytest.mark.parametrize("playbook", ["delete_application", "delete_database"])
def test_a_missing_name_is_told_as_such(platform, playbook):
    refused = platform.play(playbook)
    assert refused.status != 0
    assert "missing required arguments: application_" in refused.output


def test_a_date_that_is_none_is_refused(platform):
    refused = platform.play("delete_application", application_name="shop", application_deletion_date="soon")
    assert refused.status != 0
    assert "write it as yyyymmdd" in refused.output


@pytest.mark.parametrize("spelling", ["true", "no"])
def test_on_the_command_line_purging_is_asked_for_and_not_asked_for_in_words(platform, spelling):
    name = {"application_name": f"purged_{spelling}", "application_instance": "sql01"}
    platform.play("book_application", application_databases=[{"name": "orders"}], **name).succeeded()
    done = platform.play("delete_application", "-e", f"application_purge={spelling}", **name).succeeded()
    left = [database for database in platform.databases("sql01") if database.startswith("purged_" + spelling)]
    assert len(left) == (0 if spelling == "true" else 1), done.output


def test_a_purge_that_could_not_remove_a_login_changes_nothing(platform, simulator):
    """The logins go last; what keeps one from being dropped is told before the first database is."""
    name = {"application_name": "held", "application_instance": "sql01"}
    platform.play("book_application", application_databases=[{"name": "orders"}], **name).succeeded()
    with connect(simulator.instances["sql01"]) as administrator:
        administrator.execute("CREATE SERVER ROLE [held_role] AUTHORIZATION [held_app]")
        refused = platform.play("delete_application", application_purge=True, **name)
        assert refused.status != 0
        assert "it stands behind: server role [held_role]" in refused.output
        assert refused.statements("intent") == []
        assert "held_orders" in platform.databases("sql01")
        administrator.execute("DROP SERVER ROLE [held_role]")
    platform.play("delete_application", application_purge=True, **name).succeeded()
    assert "held_orders" not in platform.databases("sql01")


def test_purging_takes_the_logins_too_when_the_databases_have_different_collations(platform, simulator):
    name = {"application_name": "mixed", "application_instance": "sql01"}
    databases = [
        {"name": "orders", "collation": "Latin1_General_100_CI_AS"},
        {"name": "archive", "collation": "Latin1_General_CS_AS"},
        {"name": "texts", "collation": "Latin1_General_100_BIN2"},
    ]
    opened = connect(simulator.instances["sql01"])
    # A neighbour stays: users of the logins are looked for in every database that is left.
    opened.execute("CREATE DATABASE [neighbour] COLLATE Latin1_General_CS_AS")
    platform.play("book_application", application_databases=databases, **name).succeeded()
    platform.play("delete_application", application_purge=True, **name).succeeded()
    assert not [database for database in platform.databases("sql01") if database.startswith("mixed")]
    try:
        left = opened.execute("SELECT name FROM sys.server_principals WHERE name LIKE N'mixed%'").fetchall()
    finally:
        opened.execute("DROP DATABASE [neighbour]")
        opened.close()
    assert left == []
