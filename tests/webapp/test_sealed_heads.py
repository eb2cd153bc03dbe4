"""Removed rows and older versions of them do not count, nor does an older database that nobody accepted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.support.portal import PASSWORD, Portal
from tests.webapp.test_signed_rows import ADMIN, OPERATOR, command, run
from webapp.accounts.models import User
from webapp.audit.models import AuditEntry
from webapp.platform.row_seals import older_sets, set_problems
from webapp.policies.models import Policy
from webapp.signed_rows import sign


def a_policy(portal: Portal, name: str = "strict") -> Policy:
    """An admin's policy."""
    with portal.database.transaction() as session:
        policy = Policy(name=name, position=1, approvals=2, approver_roles=["admin"])
        session.add(policy)
        sign(session, policy)
    return policy


def test_a_policy_that_was_removed_is_missed_until_somebody_lets_it_be_gone(portal: Portal) -> None:
    portal.create_user(ADMIN)
    policy = a_policy(portal)
    run(portal, "DELETE FROM policies")
    with portal.database.reading() as session:
        found = set_problems(session, Policy)
    assert found == [f"the policy {policy.id} was removed from the platform database, not by the platform"]
    verified = command(portal, "key", "verify")
    assert verified.exit_code == 1
    assert policy.id in verified.output
    assert command(portal, "key", "sign", "--yes").exit_code == 0
    assert command(portal, "key", "verify").exit_code == 0


def test_an_older_version_of_a_row_does_not_count(portal: Portal) -> None:
    user = portal.create_user(ADMIN)
    with portal.database.reading() as session:
        before = session.execute(text("SELECT role, seal FROM users WHERE id = :id"), {"id": user.id}).one()
    portal.change(user, role=OPERATOR)
    with portal.database.reading() as session:
        assert session.get_one(User, user.id).is_intact
    run(portal, "UPDATE users SET role = :role, seal = :seal", role=before.role, seal=before.seal)
    with portal.database.reading() as session:
        row = session.get_one(User, user.id)
        assert row.fits
        assert not row.is_intact


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_admins_accept_a_restored_backup(portal: Portal, tmp_path: Path) -> None:
    one, two = portal.create_user(ADMIN), portal.create_user(ADMIN)
    portal.database.engine.dispose()
    backup = tmp_path / "backup.db"
    with portal.database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    file = Path(str(portal.database.file))
    shutil.copy(file, backup)
    a_policy(portal)
    portal.client(one)
    portal.database.engine.dispose()
    for path in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
        path.unlink(missing_ok=True)
    shutil.copy(backup, file)

    with portal.database.reading() as session:
        assert "this machine has seen version" in older_sets(session)[0]
    refused = command(portal, "key", "sign", "--yes")
    assert refused.exit_code == 1
    assert "accept-backup" in refused.output
    given = ("database", "accept-backup", "--admin", one.email, "--admin")
    alone = command(portal, *given, one.email, typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert "It takes 2 different admins" in alone.output
    wrong = command(portal, *given, two.email, typed=f"{PASSWORD}\nanother\n")
    assert "the password is wrong" in wrong.output
    accepted = command(portal, *given, two.email, typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert accepted.exit_code == 0, accepted.output
    assert PASSWORD not in accepted.output
    with portal.database.reading() as session:
        assert older_sets(session) == []
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "database:backup_accepted")
        ).one()
        assert entry.details["admins"] == [one.email, two.email]
    assert command(portal, "audit", "verify").exit_code == 0
