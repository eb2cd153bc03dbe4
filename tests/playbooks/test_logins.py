"""Further logins of an application: added, changed, reset, removed; and those of others left alone."""

from __future__ import annotations

import pyodbc
import pytest

from tests.playbooks.test_approved_plan import make_plan
from tests.support.playbooks import Platform, unexplained
from tests.support.simulators import DRIVERS, connect, lock_out

FIRST, SECOND = "Reader-First-1!", "Reader'Second]-2!"


def book(platform, name, *databases, on="sql01"):
    wishes = [{"name": database} for database in databases or ("orders", "stock")]
    return platform.play(
        "book_application", application_name=name, application_instance=on, application_databases=wishes
    ).succeeded()


def enters(simulator, driver, login, password, database):
    """A connection of the customer; raises when it is not let in."""
    return connect(
        simulator.instances["sql01"], driver=driver, user=login, password=password, database=database
    )


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_a_reader_is_added_changed_reset_and_removed_and_second_runs_change_nothing(
    simulator, tmp_path, driver
):
    platform = Platform(simulator, tmp_path / "platform", driver=driver)
    name = f"readers_{driver}"
    login, orders, stock = f"{name}_reader", f"{name}_orders", f"{name}_stock"
    before = len(simulator.trace())
    journals = [*book(platform, name).journal]

    def run(playbook, **variables):
        wishes = {"application_name": name, "application_login_name": "reader", **variables}
        planned = platform.play(playbook, "--check", **wishes).succeeded()
        assert planned.statements("intent") == []
        first = platform.play(playbook, **wishes).succeeded()
        second = platform.play(playbook, **wishes).succeeded()
        assert first.statements("intent") == planned.statements("planned") != []
        assert second.changed == 0, second.output
        journals.extend(planned.journal + first.journal + second.journal)
        return first

    reader = {"application_login_rights": "read_only", "application_password": FIRST}
    added = run("add_login", **reader)
    assert f"login: {login}" in added.output
    with enters(simulator, driver, login, FIRST, stock) as customer, pytest.raises(pyodbc.Error):
        customer.execute("CREATE TABLE mine (x int)")

    run("add_login", **reader, application_login_databases=["orders"])
    with pytest.raises(pyodbc.Error):
        enters(simulator, driver, login, FIRST, stock)
    enters(simulator, driver, login, FIRST, orders).close()

    run("add_login", application_login_rights="read_write", application_login_databases=["orders"])
    with enters(simulator, driver, login, FIRST, orders) as customer:
        customer.execute("CREATE TABLE mine (x int)")
        with pytest.raises(pyodbc.Error, match="1088"):
            customer.execute("CREATE TRIGGER [t] ON DATABASE FOR CREATE_USER AS SELECT 1")

    run("add_login", application_login_rights="read_only", application_login_databases=["orders"])
    with enters(simulator, driver, login, FIRST, orders) as customer, pytest.raises(pyodbc.Error):
        customer.execute("INSERT INTO mine VALUES (1)")

    reset = run("reset_login", application_password=SECOND)
    assert f"login: {login}" in reset.output
    with pytest.raises(pyodbc.Error, match="18456"):
        enters(simulator, driver, login, FIRST, orders)
    enters(simulator, driver, login, SECOND, orders).close()

    run("remove_login")
    with pytest.raises(pyodbc.Error, match="18456"):
        enters(simulator, driver, login, SECOND, orders)
    # The comparison of passwords has a bound parameter: the driver prepares the statement, and gives it back.
    sent = [line for line in simulator.trace()[before:] if line["text"] != "sp_unprepare"]
    assert unexplained(sent, journals) == []


def test_without_a_name_the_main_login_is_reset_and_the_drawn_password_forgotten(simulator, platform):
    book(platform, "main_reset")
    (drawn,) = (platform.folder / "credentials").glob("*/main_reset_app.password")
    wishes = {"application_name": "main_reset", "application_password": SECOND}
    platform.play("reset_login", "--check", **wishes).succeeded()
    assert drawn.exists()
    platform.play("reset_login", **wishes).succeeded()
    assert not drawn.exists()
    enters(simulator, "freetds", "main_reset_app", SECOND, "main_reset_orders").close()


def test_a_login_that_wrong_passwords_locked_is_unlocked_by_its_reset(simulator, platform):
    book(platform, "guessed", "orders", on="sql02")
    windows, login = simulator.instances["sql02"], "guessed_app"
    lock_out(windows, login)
    wishes = {"application_name": "guessed", "application_password": SECOND}
    planned = platform.play("reset_login", "--check", **wishes).succeeded()
    done = platform.play("reset_login", **wishes).succeeded()
    assert done.statements("intent") == planned.statements("planned") != []
    connect(windows, user=login, password=SECOND, database="guessed_orders").close()
    assert platform.play("reset_login", **wishes).succeeded().changed == 0
    lock_out(windows, login)  # the password is right: unlocking is all that is left to do
    assert platform.play("reset_login", **wishes).succeeded().changed == 1
    connect(windows, user=login, password=SECOND, database="guessed_orders").close()


def test_what_a_removed_login_owns_in_one_of_its_databases_is_handed_to_dbo_as_planned(simulator, platform):
    book(platform, "owning")
    wishes = {"application_name": "owning", "application_login_name": "maker"}
    platform.play("add_login", **wishes, application_password=FIRST).succeeded()
    theirs = enters(simulator, "msodbcsql18", "owning_maker", FIRST, "owning_stock")
    theirs.execute("CREATE SCHEMA [mine] AUTHORIZATION [owning_maker]")
    planned = platform.play("remove_login", "--check", **wishes).succeeded()
    assert planned.statements("intent") == []
    removed = platform.play("remove_login", **wishes).succeeded()
    assert removed.statements("intent") == planned.statements("planned") != []
    assert platform.play("remove_login", **wishes).succeeded().changed == 0
    with connect(simulator.instances["sql01"], database="owning_stock") as admin:
        owner = "SELECT USER_NAME(principal_id) FROM sys.schemas WHERE name = N'mine'"
        assert admin.execute(owner).fetchval() == "dbo"
        assert admin.execute("SELECT SUSER_ID(N'owning_maker')").fetchval() is None
        for database in ("owning_orders", "owning_stock"):
            found = f"SELECT COUNT(*) FROM [{database}].sys.database_principals WHERE name = N'owning_maker'"
            assert admin.execute(found).fetchval() == 0


def test_a_password_that_is_not_given_is_drawn_once_into_a_file_of_its_owner(simulator, platform):
    book(platform, "drawn_login", "orders")
    wishes = {"application_name": "drawn_login", "application_login_name": "batch"}
    platform.play("add_login", "--check", **wishes).succeeded()
    assert not list((platform.folder / "credentials").glob("*/drawn_login_batch.password"))
    platform.play("add_login", **wishes).succeeded()
    (file,) = (platform.folder / "credentials").glob("*/drawn_login_batch.password")
    assert file.stat().st_mode & 0o777 == 0o600
    password = file.read_text().strip()
    again = platform.play("add_login", "-vvvv", **wishes).succeeded()
    assert again.changed == 0
    assert password not in again.output
    enters(simulator, "freetds", "drawn_login_batch", password, "drawn_login_orders").close()
    platform.play("remove_login", **wishes).succeeded()
    assert not file.exists()


@pytest.mark.parametrize("playbook", ["add_login", "reset_login"])
@pytest.mark.parametrize("in_process", [True, False])
def test_a_password_that_is_given_is_in_no_output_journal_or_trace(simulator, tmp_path, playbook, in_process):
    platform = Platform(simulator, tmp_path / "platform", driver="freetds", in_process=in_process)
    name = f"quiet_{playbook}_{in_process}"
    book(Platform(simulator, tmp_path / "booking", driver="freetds"), name, "orders")
    login = "reader" if playbook == "add_login" else "app"
    secrets = tmp_path / "secrets.yml"
    secrets.write_text(f'application_password: "{SECOND}"\n')
    wishes = {"application_name": name, "application_login_name": login}
    run = platform.play(playbook, "-e", f"@{secrets}", "-vvvv", "--diff", **wishes).succeeded()
    assert run.changed > 0
    for planted in (SECOND, SECOND.replace("'", "''")):
        assert planted not in run.output
        assert planted not in str(run.journal)
        assert planted not in simulator.trace_path.read_text()


@pytest.mark.parametrize(
    ("playbook", "more"),
    [
        ("add_login", {"application_login_name": "reader", "application_password": FIRST}),
        ("reset_login", {"application_password": FIRST}),
        ("remove_login", {"application_login_name": "gone"}),
    ],
)
def test_what_is_approved_is_what_is_sent(platform, tmp_path, playbook, more):
    wishes = {"application_name": f"approved_{playbook}", **more}
    book(platform, wishes["application_name"], "orders")
    if playbook == "remove_login":
        platform.play("add_login", **wishes).succeeded()
    planned = platform.play(playbook, "--check", **wishes).succeeded()
    real = platform.play(playbook, plan=make_plan(planned, tmp_path), **wishes).succeeded()
    assert real.statements("intent") == planned.statements("planned") != []


def test_rights_that_somebody_gave_since_the_plan_stop_it_before_any_change(platform, simulator, tmp_path):
    book(platform, "drifting", "orders")
    wishes = {"application_name": "drifting", "application_login_name": "reader"}
    platform.play("add_login", **wishes, application_login_rights="read_only").succeeded()
    planned = platform.play("add_login", "--check", **wishes, application_password=SECOND).succeeded()
    with connect(simulator.instances["sql01"], database="drifting_orders") as somebody:
        somebody.execute("ALTER ROLE [db_owner] ADD MEMBER [drifting_reader]")
    plan = make_plan(planned, tmp_path)
    refused = platform.play("add_login", plan=plan, **wishes, application_password=SECOND)
    assert refused.status != 0
    assert refused.statements("intent") == []
    assert "db_owner" in refused.output


@pytest.mark.parametrize("playbook", ["add_login", "reset_login", "remove_login"])
def test_a_login_of_somebody_else_is_left_alone_whatever_its_name(platform, simulator, playbook):
    name = f"strangers_{playbook}"
    book(platform, name, "orders")
    with connect(simulator.instances["sql01"]) as somebody:
        somebody.execute(f"CREATE LOGIN [{name}_reader] WITH PASSWORD = N'{FIRST}'")
    wishes = {"application_name": name, "application_login_name": "reader", "application_password": SECOND}
    refused = platform.play(playbook, **wishes)
    assert refused.status != 0
    assert f"a login {name}_reader is there that no booking made" in refused.output
    assert "choose another name for the login" in refused.output
    assert refused.statements("intent") == []
    with connect(simulator.instances["sql01"], user=f"{name}_reader", password=FIRST) as still_there:
        still_there.execute("SELECT 1")
    platform.play("delete_application", application_name=name, application_purge=True).succeeded()
    with connect(simulator.instances["sql01"], user=f"{name}_reader", password=FIRST) as still_there:
        still_there.execute("SELECT 1")


def test_a_login_whose_full_name_another_application_would_have_belongs_to_who_made_it(platform):
    book(platform, "north", "orders")
    book(platform, "north_sea", "orders")
    # Both would be called north_sea_tide.
    platform.play("add_login", application_name="north", application_login_name="sea_tide").succeeded()
    other = {"application_name": "north_sea", "application_login_name": "tide"}
    for playbook in ("add_login", "reset_login", "remove_login"):
        refused = platform.play(playbook, **other, application_password=SECOND)
        assert refused.status != 0
        assert "a login north_sea_tide is there that no booking made" in refused.output
    # north_sea_app is the main login of one, and no login of the other.
    refused = platform.play("remove_login", application_name="north", application_login_name="sea_app")
    assert "a login north_sea_app is there that no booking made" in refused.output
    purged = platform.play("delete_application", application_name="north_sea", application_purge=True)
    assert "north_sea_tide" not in purged.succeeded().output
    again = {"application_name": "north", "application_login_name": "sea_tide"}
    assert platform.play("add_login", **again).succeeded().changed == 0


def test_deleting_an_application_takes_its_added_logins_too(platform, simulator):
    name = {"application_name": "leaves_all"}
    book(platform, "leaves_all", "orders")
    sid = "0x" + "5A" * 16
    sids = {"application_added_login_sids": {"given": sid}}
    reader = {"application_login_name": "reader", "application_password": FIRST}
    platform.play("add_login", **name, **reader).succeeded()
    platform.play("add_login", **name, **sids, application_login_name="given").succeeded()

    away = platform.play("delete_application", **name, **sids).succeeded()
    assert platform.play("delete_application", **name, **sids).succeeded().changed == 0
    assert {"leaves_all_app", "leaves_all_given", "leaves_all_reader"} == {
        line["text"].split("[")[1].split("]")[0]
        for line in away.journal
        if line["event"] == "intent" and "DISABLE" in line["text"]
    }
    with pytest.raises(pyodbc.Error, match="18470"):
        connect(simulator.instances["sql01"], user="leaves_all_reader", password=FIRST)

    platform.play("delete_application", **name, **sids, application_purge=True).succeeded()
    with connect(simulator.instances["sql01"]) as somebody:
        left = somebody.execute(
            "SELECT COUNT(*) FROM sys.server_principals WHERE name LIKE N'leaves[_]all[_]%'"
        )
        assert left.fetchval() == 0
    assert not list((platform.folder / "credentials").glob("*/leaves_all_*"))


@pytest.mark.parametrize(
    ("playbook", "wishes", "why"),
    [
        ("add_login", {"application_login_name": "app"}, "is the login that the booking made"),
        ("add_login", {"application_login_name": "Owner"}, "owns the databases and nobody uses it"),
        (
            "add_login",
            {"application_login_name": "x]; DROP"},
            "application_login_name 'x]; DROP' is not usable",
        ),
        ("add_login", {"application_login_name": "a" * 51}, "at most 50 are possible"),
        ("add_login", {}, "missing required arguments: application_login_name"),
        ("add_login", {"application_login_name": "r", "application_login_rights": "all"}, "must be one of"),
        (
            "add_login",
            {"application_login_name": "r", "application_password": "weak"},
            "application_password: ",
        ),
        (
            "add_login",
            {"application_login_name": "r", "application_login_databases": ["nothing"]},
            "has no database 'nothing' here \\(it has refusing_orders; leave refusing_ out\\)",
        ),
        (
            "add_login",
            {"application_login_name": "r", "application_added_login_sids": {"r": "0x1"}},
            "application_added_login_sids: r: ",
        ),
        ("add_login", {"application_login_name": "r", "application_name": "nowhere"}, "is not on sql01"),
        ("add_login", {"application_login_name": "r", "application_name": "Refusing"}, "is refusing_owner"),
        ("reset_login", {}, "missing required arguments: application_password"),
        ("reset_login", {"application_password": None}, "application_password"),
        ("reset_login", {"application_login_name": "owner", "application_password": FIRST}, "nobody uses it"),
        (
            "reset_login",
            {"application_login_name": "none", "application_password": FIRST},
            "has no login refusing_none on sql01. It has refusing_app",
        ),
        ("remove_login", {"application_login_name": "app"}, "goes with the application"),
        ("remove_login", {"application_login_name": "owner"}, "nobody uses it"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_any_change(platform, refusing, playbook, wishes, why):
    run = platform.play(
        playbook, **{"application_name": "refusing", "application_instance": "sql01", **wishes}
    )
    assert run.status != 0
    assert why.replace("\\", "") in " ".join(run.output.split())
    assert run.statements("intent") == []
    assert str(wishes.get("application_password") or "\x00") not in run.output


@pytest.fixture(scope="module")
def refusing(simulator, tmp_path_factory):
    """An application that the refusals are about."""
    platform = Platform(simulator, tmp_path_factory.mktemp("refusing") / "platform", driver="freetds")
    return book(platform, "refusing", "orders")


def test_modules_in_processes_of_their_own_do_the_same(simulator, tmp_path):
    platform = Platform(simulator, tmp_path / "platform", driver="msodbcsql18", in_process=False)
    book(Platform(simulator, tmp_path / "booking", driver="msodbcsql18"), "shipped_logins", "orders")
    wishes = {"application_name": "shipped_logins", "application_login_name": "reader"}
    for playbook in ("add_login", "reset_login", "remove_login"):
        password = {} if playbook == "remove_login" else {"application_password": f"{playbook}-Pass-1!"}
        planned = platform.play(playbook, "--check", **wishes, **password).succeeded()
        done = platform.play(playbook, **wishes, **password).succeeded()
        assert done.statements("intent") == planned.statements("planned") != []
        assert platform.play(playbook, **wishes, **password).succeeded().changed == 0


def test_a_run_whose_lease_is_over_sends_no_change(platform, tmp_path):
    book(platform, "given_up", "orders")
    (tmp_path / "lease").write_text("1700000000.0\n")
    refused = platform.play(
        "add_login",
        environment={"SQLHOSTING_LEASE": str(tmp_path / "lease")},
        application_name="given_up",
        application_login_name="reader",
    )
    assert refused.status != 0
    assert "this run has lost its lease" in refused.output
    assert refused.statements("intent") == []
