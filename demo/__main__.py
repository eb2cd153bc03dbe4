"""``python -m demo``: start instances, discover them, book an application, show what was sent and is there.

Exit status: 0 when everything worked, 1 when a step failed, 130 or 143 when it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

from demo.instances import ROOT, DemoError, Estate, forget_passwords, make_folder, start_estate
from demo.processes import Interrupted, Processes
from demo.show import as_script, count_statements, log_in_as_customer, read_back, sent_statements

APPLICATION = "shop"
DATABASES = [
    {"name": "orders", "data_limit": "10GiB", "log_limit": "2GiB"},
    {"name": "stock", "data_limit": "4GiB", "collation": "Latin1_General_100_CI_AS_SC_UTF8"},
]
BOOKING = {"application_name": APPLICATION, "application_databases": DATABASES}
INVENTORY = "inventories/demo"


def say(text: str = "") -> None:
    """Printed at once: the playbooks write to the same place by themselves."""
    print(text, flush=True)


def heading(number: int, text: str) -> None:
    say(f"\n=== {number}. {text}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="stop when it is done, instead of at Ctrl-C")
    parser.add_argument("--driver", help="the ODBC driver to use; found when omitted")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".artifacts" / "demo", help="where journal and trace go"
    )
    arguments = parser.parse_args()
    folder: Path | None = None
    try:
        with Processes() as processes:
            try:
                folder = make_folder(arguments.folder.resolve())
                status = run(processes, folder, once=arguments.once, driver=arguments.driver)
            except DemoError as exc:
                print(f"\nThe demo failed. {exc}", file=sys.stderr, flush=True)
                status = 1
            except Interrupted as exc:
                print(f"\nStopped by {exc}.", file=sys.stderr, flush=True)
                status = 128 + exc.number
    finally:
        if folder is not None:
            forget_passwords(folder)
    if folder is not None and arguments.once:
        say_where(folder)
    return status


def run(processes: Processes, folder: Path, *, once: bool, driver: str | None) -> int:
    """All steps; the exit status. Raises :class:`DemoError`."""
    started = time.monotonic()
    env = environment(folder, driver)

    heading(1, "Start three SQL Server instances (simulated; they speak TDS over TLS on loopback ports)")
    estate = start_estate(processes, folder, env, driver=driver)
    for name, instance in estate.instances.items():
        say(f"  {name}  {instance['host']},{instance['port']}  version {instance['version']}")

    heading(2, "Discover them: ansible-playbook playbooks/discover.yml")
    play(processes, env, "playbooks/discover.yml")

    heading(3, f"Book the application {APPLICATION}: ansible-playbook playbooks/book_application.yml")
    booking = folder / "booking.json"
    booking.write_text(json.dumps(BOOKING, indent=2) + "\n", encoding="utf-8")
    play(processes, env, "playbooks/book_application.yml", "-e", f"@{booking}")

    heading(4, "The exact T-SQL that changed something (from the journal; passwords are never in it)")
    statements = list(sent_statements(estate.journal))
    if not statements:
        raise DemoError(f"The journal {estate.journal} holds no changing statement")
    say(as_script(statements))
    counts = count_statements(estate.journal)
    say(f"\n  {counts['change']} changing statements, {counts['read']} that only read")

    heading(5, "What is there now, as the instance shows it")
    show_result(estate, statements[0]["inventory_host"])

    say(f"\nDone in {time.monotonic() - started:.1f} s.")
    if not once:
        say_next(estate)
        wait(estate)
    return 0


def environment(folder: Path, driver: str | None) -> dict[str, str]:
    """Our own environment, and where this demo keeps its journal and its instances."""
    binaries = str(Path(sys.executable).parent)
    env = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "SQLHOSTING_DEMO": str(folder),
        "SQLHOSTING_JOURNAL": str(folder / "journal.jsonl"),
        # Ansible refuses to start without a UTF-8 locale, which a bare machine may not set.
        "LC_ALL": "C.UTF-8",
    }
    for name in ("SQLHOSTING_APPROVED_PLAN", "SQLHOSTING_TEMPLATES", "SQLHOSTING_RUN"):
        env.pop(name, None)
    if driver:
        env["SQLHOSTING_DEMO_DRIVER"] = driver
    if sys.stdout.isatty():
        env["ANSIBLE_FORCE_COLOR"] = "1"
    return env


def play(processes: Processes, env: dict[str, str], playbook: str, *arguments: str) -> None:
    """One ``ansible-playbook`` run with its output on ours. Raises :class:`DemoError` when it fails."""
    program = shutil.which("ansible-playbook", path=env["PATH"])
    if program is None:
        raise DemoError("ansible-playbook is not installed beside this Python; run 'make setup'")
    started = time.monotonic()
    status = processes.run([program, "-i", INVENTORY, playbook, *arguments], cwd=ROOT, env=env)
    if status != 0:
        raise DemoError(f"ansible-playbook {playbook} ended with status {status}; its output is above.")
    say(f"  {playbook} took {time.monotonic() - started:.1f} s")


def show_result(estate: Estate, instance: str) -> None:
    """Read the application back, by connections that are not the modules'."""
    databases = [f"{APPLICATION}_{database['name']}" for database in DATABASES]
    say(read_back(estate, instance, application=APPLICATION, databases=databases))
    login = f"{APPLICATION}_app"
    password = (estate.folder / "credentials" / instance / f"{login}.password").read_text().strip()
    for database in databases:
        say(log_in_as_customer(estate, instance, login=login, password=password, database=database))


def say_where(folder: Path) -> None:
    """The last two lines of ``--once``."""
    for name in ("journal", "trace"):
        say(f"{name}: {relative(folder / f'{name}.jsonl')}")


def relative(path: Path) -> str:
    """The path as seen from the repository."""
    return os.path.relpath(path, ROOT)


def say_next(estate: Estate) -> None:
    play_it = f".venv/bin/ansible-playbook -i {INVENTORY} playbooks"
    name = f"-e application_name={APPLICATION}"
    booking = f"-e @{relative(estate.folder)}/booking.json"
    say(
        f"""
The instances keep running until Ctrl-C. In another terminal, in this folder, try:

  Book again: nothing changes
    {play_it}/book_application.yml {booking}
  See the T-SQL of another booking without booking
    {play_it}/book_application.yml {booking} -e application_name=wiki --check
  How full the databases are
    {play_it}/check_quota.yml
  Put the application out of reach, then remove it for good
    {play_it}/delete_application.yml {name}
    {play_it}/delete_application.yml {name} -e application_purge=true
  Read this demo's journal
    .venv/bin/sqlhosting journal report {relative(estate.journal)}

journal: {relative(estate.journal)}
trace: {relative(estate.trace)}"""
    )


def wait(estate: Estate) -> None:
    """Until somebody interrupts. Raises :class:`DemoError` when the instances end by themselves."""
    status = estate.process.wait()
    raise DemoError(
        f"The simulated instances ended with status {status}; see {relative(estate.folder)}/simulator.log."
    )


if __name__ == "__main__":
    sys.exit(main())
