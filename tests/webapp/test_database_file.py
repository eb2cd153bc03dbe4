"""SQLite's file: for its owner from the first moment, and not for everybody where it was before."""

from __future__ import annotations

import stat
from pathlib import Path

from sqlalchemy import text

from webapp.database import Database


def _rights(path: Path) -> dict[str, int]:
    """The file and SQLite's helpers beside it: name → mode."""
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob(f"{path.name}*")}


def _write(path: Path) -> dict[str, int]:
    """Write into the database; the files' rights while it is open."""
    database = Database(f"sqlite:///{path}")
    with database.transaction() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS pools (name text)"))
    found = _rights(path)
    database.dispose()
    return found


def test_a_new_file_in_a_folder_that_everybody_reads_is_its_owners(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    found = _write(tmp_path / "platform.db")
    assert found == dict.fromkeys(("platform.db", "platform.db-wal", "platform.db-shm"), 0o600)


def test_others_lose_their_rights_on_one_that_is_there_and_its_group_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "platform.db"
    _write(path)
    path.chmod(0o664)
    assert set(_write(path).values()) == {0o660}
