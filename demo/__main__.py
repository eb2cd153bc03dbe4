"""``python -m demo``: start the platform, book and approve an application on its pages, show what was sent.

Exit status: 0 when everything worked, 1 when a step failed, 130 or 143 when it was interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from demo.instances import (
    ROOT,
    DemoError,
    Estate,
    forget_passwords,
    make_folder,
    start_estate,
    write_private,
)
from demo.processes import Interrupted, Processes
from demo.services import (
    Platform,
    command,
    settings_for,
    start_platform,
    start_redis,
    wait_for_portal,
)
from demo.show import as_script, count_statements, log_in_as_customer, read_back, sent_statements
from demo.story import APPLICATION, DATABASE, Person, Story, draw_people


def say(text: str = "") -> None:
    """Printed at once, so that it can be followed."""
    print(text, flush=True)


def heading(number: int, text: str) -> None:
    say(f"\n=== {number}. {text}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="stop when it is done, instead of at Ctrl-C")
    parser.add_argument("--driver", help="the ODBC driver to use; found when omitted")
    parser.add_argument(
        "--port", type=int, help="the portal's; 0 for any; 8080 when omitted, or another when that is taken"
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".artifacts" / "demo", help="where journal and trace go"
    )
    arguments = parser.parse_args()
    folder: Path | None = None
    try:
        with Processes() as processes:
            try:
                folder = make_folder(arguments.folder.resolve())
                run(processes, folder, arguments)
                status = 0
            except DemoError as exc:
                print(f"\nThe demo failed. {exc}", file=sys.stderr, flush=True)
                status = 1
            except Interrupted as exc:
                print(f"\nStopped by {exc}.", file=sys.stderr, flush=True)
                status = 128 + exc.number
    finally:
        if folder is not None:
            forget_passwords(folder)
    if folder is not None and (arguments.once or status == 1):
        say_where(folder)
    return status


def run(processes: Processes, folder: Path, arguments: argparse.Namespace) -> None:
    """All steps. Raises :class:`DemoError`."""
    started = time.monotonic()
    env = environment(folder, arguments.driver)

    heading(1, "Start three SQL Server instances (simulated; they speak TDS over TLS) and the platform")
    estate = start_estate(processes, folder, env, driver=arguments.driver)
    for name, instance in estate.instances.items():
        say(f"  {name}  {instance['host']},{instance['port']}  version {instance['version']}")
    people = draw_people()
    platform = start_services(processes, folder, env, people["admin"], port=arguments.port)
    say(f"  portal  {platform.address}  with Redis, a worker and a dispatcher")

    story = Story(platform, people, say)
    heading(2, "Tell the platform of them: account, pool and instances, on the portal's pages")
    pool = story.add_pool(estate)
    story.discover(pool)
    story.register("operator", "I look after the instances.")
    story.register("customer", "Databases for the web shop.")

    heading(3, f"A customer books the application {APPLICATION}; an admin reads the plan and approves it")
    booking = story.book()
    story.follow(booking, "planned")
    story.approve()
    story.follow(booking, "deployed")

    heading(4, "The exact T-SQL that was approved and sent (from the journals; passwords are never in it)")
    write_journal(story, estate)
    statements = list(sent_statements(estate.journal))
    if not statements:
        raise DemoError(f"The journal {estate.journal} holds no changing statement")
    say(as_script(statements))
    counts, jobs = count_statements(estate.journal), len(story.jobs())
    say(f"\n  {counts['change']} changing statements and {counts['read']} that only read, in {jobs} jobs")

    heading(5, "What is there now, as the instance shows it, and as the customer finds it over ODBC")
    show_result(story, estate, statements[0]["inventory_host"])

    say(f"\nDone in {time.monotonic() - started:.1f} s.")
    if not arguments.once:
        say_next(write_inventory(story, estate, platform), estate, platform, people)
        wait(processes, estate, platform)


def environment(folder: Path, driver: str | None) -> dict[str, str]:
    """Our own environment, and where this demo keeps its files."""
    binaries = str(Path(sys.executable).parent)
    env = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "SQLHOSTING_DEMO": str(folder),
        # Ansible refuses to start without a UTF-8 locale, which a bare machine may not set.
        "LC_ALL": "C.UTF-8",
    }
    if driver:
        env["SQLHOSTING_DEMO_DRIVER"] = driver
    return env


def start_services(
    processes: Processes, folder: Path, env: dict[str, str], admin: Person, *, port: int | None
) -> Platform:
    """Redis, an empty platform database, its first admin, and the platform's processes."""
    settings = settings_for(folder, env, start_redis(processes, folder, env), port=port)
    command(processes, settings, "database", "upgrade")
    platform = start_platform(processes, folder, settings)
    create = ("user", "create-admin", "--email", admin.email, "--name", "Demo admin", "--password-file", "-")
    command(processes, settings, *create, secret=f"{admin.password}\n")
    wait_for_portal(platform)
    return platform


def write_journal(story: Story, estate: Estate) -> None:
    """All jobs' journals, as the portal hands them out, in one file."""
    journals = (story.journal_of(job) for job in story.jobs())
    estate.journal.write_text("".join(journals), encoding="utf-8")


def show_result(story: Story, estate: Estate, instance: str) -> None:
    """Read the application back, by connections that are not the modules', the customer's own among them."""
    database = f"{APPLICATION}_{DATABASE}"
    say(read_back(estate, instance, application=APPLICATION, databases=[database]))
    password = story.reveal_password()
    say(
        log_in_as_customer(estate, instance, login=f"{APPLICATION}_app", password=password, database=database)
    )


def say_where(folder: Path) -> None:
    """The last two lines of ``--once``."""
    for name in ("journal", "trace"):
        say(f"{name}: {relative(folder / f'{name}.jsonl')}")


def relative(path: Path) -> str:
    """The path as seen from the repository."""
    return os.path.relpath(path, ROOT)


def write_inventory(story: Story, estate: Estate, platform: Platform) -> Path:
    """The configuration of the platform's inventory, with a token of the admin in a file of its own."""
    token = estate.folder / "inventory.token"
    write_private(token, story.create_token("the demo's inventory") + "\n")
    inventory = estate.folder / "platform.yml"
    inventory.write_text(
        f"plugin: sqlhosting.mssql.platform\nurl: {platform.address}\ntoken_file: {token}\n", encoding="utf-8"
    )
    return inventory


def say_next(inventory: Path, estate: Estate, platform: Platform, people: dict[str, Person]) -> None:
    with_it = f"-i {relative(inventory)}"
    logins = "\n".join(f"    {one.role:9} {one.email:22} {one.password}" for one in people.values())
    say(
        f"""
The portal stays up until Ctrl-C:

    {platform.address}

{logins}

The passwords were drawn for this demo and are shown here only. Try this: book something as the customer,
approve it as the admin or the operator, and watch its job run.

Playbooks by hand, in another terminal in this folder. The portal tells them its pools and instances:

  The pools and instances
    .venv/bin/ansible-inventory {with_it} --graph
  Look at them
    .venv/bin/ansible-playbook {with_it} playbooks/discover.yml
  How full the databases are
    .venv/bin/ansible-playbook {with_it} playbooks/check_quota.yml
  The journal of this demo's jobs
    .venv/bin/sqlhosting journal report {relative(estate.journal)}

journal: {relative(estate.journal)}
trace: {relative(estate.trace)}"""
    )


def wait(processes: Processes, estate: Estate, platform: Platform) -> None:
    """Until somebody interrupts. Raises :class:`DemoError` when a part of the demo ends by itself."""
    while estate.process.poll() is None:
        platform.check_alive()
        processes.forget_ended()
        time.sleep(1)
    raise DemoError(
        f"The simulated instances ended with status {estate.process.returncode}; see simulator.log."
    )


if __name__ == "__main__":
    sys.exit(main())
