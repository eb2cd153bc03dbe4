"""``sqlhosting audit verify`` tells what somebody who can only write to the database did to the audit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from tests.support.portal import KEY, SECRET_KEY, settings_for
from tests.webapp.audit.test_audit_chain import ACTOR, write
from webapp.audit.memory import AuditMemory
from webapp.audit.models import AuditEntry, AuditHead
from webapp.audit.operations import FIRST_HASH, entry_hash, record
from webapp.cli import main
from webapp.database import Database, new_id
from webapp.platform.models import KeyCheck
from webapp.platform.operations import downgrade, upgrade
from webapp.runtime import create_runtime
from webapp.settings import Settings

ENTRIES = 6


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A platform whose audit has six entries, and that remembers them."""
    settings = settings_for(database_url, data_folder=tmp_path / "data")
    runtime = create_runtime(settings)
    write(runtime.database, ENTRIES)
    runtime.database.dispose()
    return settings


def sqlhosting(settings: Settings, *arguments: str, keys: str = KEY) -> Result:
    """A command, in this process."""
    environment = {
        "SQLHOSTING_SECRET_KEY": SECRET_KEY,
        "SQLHOSTING_ENCRYPTION_KEYS": keys,
        "SQLHOSTING_DATABASE_URL": settings.database_url.get_secret_value(),
        "SQLHOSTING_DATA_FOLDER": str(settings.data_folder),
    }
    return CliRunner().invoke(main, list(arguments), env=environment)


def change_behind_its_back(settings: Settings, change: Callable[[Session], object]) -> None:
    """What somebody does who can write to the database and has no key."""
    database = Database(settings.database_url.get_secret_value())
    with database.transaction() as session:
        change(session)
    database.dispose()


def chain_again(session: Session, first: int) -> None:
    """Compute the hashes from entry ``first`` on, and the head: anybody can."""
    session.flush()
    previous = session.scalar(select(AuditEntry.hash).where(AuditEntry.number == first - 1)) or FIRST_HASH
    number = first - 1
    for entry in session.scalars(
        select(AuditEntry).where(AuditEntry.number >= first).order_by(AuditEntry.number)
    ):
        number += 1
        entry.previous_hash = previous
        previous = entry.hash = entry_hash(entry)
    head = session.get_one(AuditHead, 1)
    head.number, head.hash = number, previous


def rewrite_from_the_fourth(session: Session) -> None:
    session.execute(update(AuditEntry).where(AuditEntry.number == 4).values(actor_name="somebody else"))
    chain_again(session, 4)


def forge_one_more(session: Session) -> None:
    newest = session.get_one(AuditEntry, ENTRIES)
    values = {column.key: getattr(newest, column.key) for column in AuditEntry.__table__.columns}
    session.add(AuditEntry(**values | {"number": ENTRIES + 1, "hash": "f" * 64, "action": "user:approved"}))
    chain_again(session, ENTRIES + 1)


def cut_off(session: Session) -> None:
    session.execute(delete(AuditEntry).where(AuditEntry.number > 4))
    chain_again(session, 4)


TAMPERING: dict[str, tuple[Callable[[Session], object], str]] = {
    "changed": (
        lambda session: session.execute(update(AuditEntry).where(AuditEntry.number == 3).values(details={})),
        "entry 3 was changed",
    ),
    "removed": (
        lambda session: session.execute(delete(AuditEntry).where(AuditEntry.number.in_((2, 3)))),
        "entries 2 to 3 are missing",
    ),
    "rewritten": (rewrite_from_the_fourth, "entry 4 was not written by the platform"),
    "forged": (forge_one_more, f"entry {ENTRIES + 1} was not written by the platform"),
    "cut off": (cut_off, "the head of the audit was changed"),
    "without a head": (
        lambda session: session.execute(delete(AuditHead)),
        "the head of the audit is missing",
    ),
    "an old seal": (
        lambda session: session.execute(
            text("UPDATE audit_entries SET seal = (SELECT seal FROM audit_head) WHERE number = 6")
        ),
        "entry 6 was not written by the platform",
    ),
}


def test_a_whole_audit_says_how_much_it_holds(settings: Settings) -> None:
    result = sqlhosting(settings, "audit", "verify")
    assert (result.exit_code, result.output) == (
        0, f"The audit is whole: {ENTRIES} entries, each sealed; this machine has seen number {ENTRIES}.\n",
    )  # fmt: skip


@pytest.mark.parametrize(("change", "said"), TAMPERING.values(), ids=TAMPERING)
def test_what_was_done_behind_the_platforms_back_is_named(
    settings: Settings, change: Callable[[Session], object], said: str
) -> None:
    change_behind_its_back(settings, change)
    result = sqlhosting(settings, "audit", "verify")
    assert result.exit_code == 1
    assert f"- {said}" in result.output
    assert "Look at who can write to the platform database" in result.output


def test_an_older_version_that_was_put_back_whole_is_remembered(settings: Settings) -> None:
    older: list[tuple[int, str, str | None]] = []
    change_behind_its_back(
        settings,
        lambda session: older.extend(
            (head.number, head.hash, head.seal) for head in session.scalars(select(AuditHead))
        ),
    )
    runtime = create_runtime(settings)
    write(runtime.database, 2)
    runtime.database.dispose()

    def put_back(session: Session) -> None:
        session.execute(delete(AuditEntry).where(AuditEntry.number > ENTRIES))
        number, hash_, seal = older[0]
        session.execute(update(AuditHead).values(number=number, hash=hash_, seal=seal))

    change_behind_its_back(settings, put_back)
    result = sqlhosting(settings, "audit", "verify")
    assert result.exit_code == 1
    assert f"this machine has seen entry {ENTRIES + 2}, and the newest is {ENTRIES}" in result.output
    (remembered,) = settings.data_folder.glob("audit-head-*")
    assert str(remembered) in result.output
    runtime = create_runtime(settings)
    write(runtime.database, 5)  # whatever comes on top, it is not forgotten
    runtime.database.dispose()
    result = sqlhosting(settings, "audit", "verify")
    assert result.exit_code == 1
    assert f"was put back once (entries seen and found: {ENTRIES + 2} {ENTRIES})" in result.output
    for file in settings.data_folder.glob("audit-head-*"):
        file.unlink()  # as the text says, after a backup was restored on purpose
    assert sqlhosting(settings, "audit", "verify").exit_code == 0


def test_another_id_of_the_platform_hides_nothing(settings: Settings) -> None:
    change_behind_its_back(
        settings, lambda session: session.execute(update(KeyCheck).values(platform_id=new_id()))
    )
    result = sqlhosting(settings, "audit", "verify")
    assert result.exit_code == 1
    assert "remembers the audit of another platform" in result.output
    change_behind_its_back(
        settings, lambda session: session.execute(update(KeyCheck).values(platform_id="../x"))
    )
    assert "the platform's id was changed" in sqlhosting(settings, "audit", "verify").output


def test_an_upgrade_with_a_wrong_key_seals_nothing(settings: Settings) -> None:
    database = Database(settings.database_url.get_secret_value())
    downgrade(database, "0006")
    database.dispose()
    wrong = Fernet.generate_key().decode("ascii")
    assert sqlhosting(settings, "database", "upgrade", keys=wrong).exit_code == 1
    assert sqlhosting(settings, "database", "upgrade").exit_code == 0
    assert sqlhosting(settings, "audit", "verify").exit_code == 0


def test_rotated_keys_seal_the_audit_again(settings: Settings) -> None:
    new = Fernet.generate_key().decode("ascii")
    assert sqlhosting(settings, "key", "rotate", keys=f"{new},{KEY}").exit_code == 0
    result = sqlhosting(settings, "audit", "verify", keys=new)
    assert (result.exit_code, "each sealed" in result.output) == (0, True)


def test_an_audit_from_before_there_were_seals_is_sealed_as_far_as_it_holds(settings: Settings) -> None:
    database = Database(settings.database_url.get_secret_value())
    downgrade(database, "0006")
    with database.transaction() as session:
        session.execute(text("UPDATE audit_entries SET actor_name = 'x' WHERE number = 5"))
    upgrade(database)
    upgrade(database)  # again seals nothing more
    database.dispose()
    result = sqlhosting(settings, "audit", "verify")
    said = [line for line in result.output.splitlines() if line.startswith("- ")]
    assert said == [
        "- entry 5 was changed: it does not fit its hash",
        "- entry 6 was not written by the platform: its seal is missing or does not fit",
        "- the head of the audit was changed: its seal is missing or does not fit",
    ]


def test_the_memory_goes_forward_only_whoever_writes(tmp_path: Path) -> None:
    memory = AuditMemory(tmp_path / "data" / "audit-head")
    assert memory.recall() is None
    numbers = range(1, 41)
    threads = [
        threading.Thread(target=memory.remember, args=(number, f"{number:064x}"))
        for number in reversed(numbers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory.recall() == (40, f"{40:064x}")
    assert memory.path.stat().st_mode & 0o777 == 0o600


def test_a_memory_that_cannot_be_written_or_read_fails_no_transaction(
    database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.write_text("no folder")
    runtime = create_runtime(settings_for(database_url, data_folder=folder))
    with runtime.database.transaction() as session:
        record(session, ACTOR, "thing:made", object_kind="thing")
    runtime.database.dispose()
    (tmp_path / "odd").write_bytes(b"\xff 12")
    assert AuditMemory(tmp_path / "odd").recall() is None
