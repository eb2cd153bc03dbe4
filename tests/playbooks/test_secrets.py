"""The customer's password is nowhere but in the login packet and in the statement that sets it."""

from __future__ import annotations

PLANTED = "Pl4nted'Secret-9x"


def test_a_password_that_was_given_is_in_no_output_journal_trace_or_process(platform, simulator):
    secrets_file = platform.folder / "secrets.yml"
    secrets_file.write_text(f'application_password: "{PLANTED}"\n')
    run = platform.play(
        "book_application",
        "-e",
        f"@{secrets_file}",
        "-vvvv",
        application_name="secretive",
        application_databases=[{"name": "orders"}],
    ).succeeded()
    secrets_file.unlink()
    for planted in (PLANTED, PLANTED.replace("'", "''"), "Platform-Password-1!"):
        assert planted not in run.output
        assert planted not in str(run.journal)
        assert planted not in simulator.trace_path.read_text()


def test_a_password_that_was_drawn_is_in_a_file_of_its_owner_and_nowhere_else(platform):
    booking = {"application_name": "drawn", "application_databases": [{"name": "orders"}]}
    run = platform.play("book_application", "-vvvv", **booking).succeeded()
    (file,) = (platform.folder / "credentials").glob("*/drawn_app.password")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().strip() not in run.output
