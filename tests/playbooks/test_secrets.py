"""The customer's password is nowhere but in the login packet and in the statement that sets it."""

from __future__ import annotations

import pytest

from tests.support.playbooks import PLATFORM_PASSWORD, Platform
from tests.support.processes import watched_arguments

PLANTED = "Pl4nted'Secret-9x"
FORMS = (PLANTED, PLANTED.replace("'", "''"), PLATFORM_PASSWORD)


@pytest.mark.parametrize(
    ("driver", "in_process"), [("msodbcsql18", True), ("freetds", True), ("msodbcsql18", False)]
)
def test_a_password_that_was_given_is_in_no_output_journal_trace_process_or_file(
    simulator, tmp_path, driver, in_process
):
    platform = Platform(simulator, tmp_path / "platform", driver=driver, in_process=in_process)
    secrets_file = tmp_path / "secrets.yml"
    secrets_file.write_text(f'application_password: "{PLANTED}"\n')
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with watched_arguments() as arguments:
        run = platform.play(
            "book_application",
            "-e",
            f"@{secrets_file}",
            "-vvvv",
            "--diff",
            environment={"ANSIBLE_LOCAL_TEMP": str(scratch), "ANSIBLE_REMOTE_TEMP": str(scratch)},
            application_name=f"secretive_{driver}_{in_process}",
            application_databases=[{"name": "orders"}],
        ).succeeded()
    secrets_file.unlink()
    (platform.folder / "platform.password").unlink()
    left = {str(path): path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()}
    assert arguments
    for planted in FORMS:
        assert planted not in run.output
        assert planted not in str(run.journal)
        assert planted not in simulator.trace_path.read_text()
        assert planted not in "\n".join(arguments)
        assert [path for path, text in left.items() if planted in text] == []
    # Nor was another one drawn, which somebody might hand over.
    assert not (platform.folder / "credentials").exists()


def test_a_login_that_is_there_has_no_password_drawn_a_second_time(platform):
    booking = {"application_name": "kept", "application_databases": [{"name": "orders"}]}
    platform.play("book_application", application_password=PLANTED, **booking).succeeded()
    platform.play("book_application", **booking).succeeded()
    added = {"application_name": "kept", "application_login_name": "reader"}
    platform.play("add_login", application_password=PLANTED, **added).succeeded()
    platform.play("add_login", **added).succeeded()
    assert not (platform.folder / "credentials").exists()


def test_a_password_that_was_drawn_is_in_a_file_of_its_owner_and_nowhere_else(platform):
    booking = {"application_name": "drawn", "application_databases": [{"name": "orders"}]}
    platform.play("book_application", "--check", **booking).succeeded()
    assert not (platform.folder / "credentials").exists()
    run = platform.play("book_application", "-vvvv", **booking).succeeded()
    (file,) = (platform.folder / "credentials").glob("*/drawn_app.password")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().strip() not in run.output


def test_an_empty_password_variable_counts_as_none_given(platform):
    booking = {"application_name": "no_password", "application_databases": [{"name": "orders"}]}
    platform.play("book_application", application_password=None, **booking).succeeded()
    assert list((platform.folder / "credentials").glob("*/no_password_app.password"))
