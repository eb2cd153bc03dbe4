"""GET /api/v1/inventory, and the inventory plugin that asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.playbooks import PLATFORM_PASSWORD, instance
from tests.support.portal import PASSWORD, Portal
from tests.support.served import served
from tests.support.simulators import ROOT, running_simulator
from webapp.accounts.models import PortalRole, UserState
from webapp.accounts.tokens import create_token, revoke_token
from webapp.audit.models import AuditEntry
from webapp.audit.operations import PLATFORM
from webapp.pools.models import PoolKind

PATH = "/api/v1/inventory"
THRESHOLDS = {
    "pool_thresholds": {
        "cpu_percent": 80,
        "memory_percent": 95,
        "disk_free_percent": 10,
        "databases": 100,
    },
    "pool_largest_data_limit": "100GiB",
    "pool_largest_log_limit": "20GiB",
}


def token_of(
    portal: Portal, role: PortalRole, *, sees_secrets: bool = False, then: dict[str, Any] | None = None
) -> str:
    """A token of a new user, whose columns ``then`` change."""
    user = portal.create_user(role)
    with portal.database.transaction() as session:
        secret = create_token(session, PLATFORM, user, name="ci", days=None, sees_secrets=sees_secrets).secret
    if then:
        portal.change(user, **then)
    return secret


def ask(portal: Portal, token: str | None) -> Any:
    """The answer to one request."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return portal.app.test_client().get(PATH, headers=headers)


def create_pools(portal: Portal) -> None:
    """A pool with two instances and an empty one."""
    own = portal.create_account(login_user="own", login_password="Own-Secret-1!")
    pool = portal.create_pool(name="production", largest_data_gib=50, databases=9)
    portal.create_instance(
        pool, name="sql01", host="10.0.0.1", customer_host="sql.example.com", customer_port=5000
    )
    portal.create_instance(
        pool, name="sql02", port=None, instance_name="BETA", elevated_account_id=own.id, is_open=False
    )
    portal.create_pool(name="ha", kind=PoolKind.HA)


@pytest.mark.parametrize("role", [PortalRole.ADMIN, PortalRole.OPERATOR, PortalRole.VIEWER])
def test_staff_read_the_inventory_without_passwords(portal: Portal, role: PortalRole) -> None:
    create_pools(portal)
    answer = ask(portal, token_of(portal, role))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Plat-form-1!" not in answer.text
    assert answer.get_json() == {
        "version": 1,
        "pools": [
            {"name": "ha", "kind": "ha", "variables": THRESHOLDS, "instances": []},
            {
                "name": "production",
                "kind": "standalone",
                "variables": {
                    "pool_thresholds": {
                        "cpu_percent": 80, "memory_percent": 95, "disk_free_percent": 10, "databases": 9,
                    },
                    "pool_largest_data_limit": "50GiB",
                    "pool_largest_log_limit": "20GiB",
                },
                "instances": [
                    {
                        "name": "sql01",
                        "variables": {
                            "sqlhosting_connection": {
                                "login_host": "10.0.0.1", "login_port": 1433, "login_user": "platform",
                                "trust_server_certificate": True,
                            },
                            "instance_customer_host": "sql.example.com",
                            "instance_customer_port": 5000,
                        },
                    },
                    {
                        "name": "sql02",
                        "variables": {
                            "sqlhosting_connection": {
                                "login_host": "127.0.0.1", "login_instance": "BETA", "login_user": "own",
                                "trust_server_certificate": True,
                            },
                            "instance_customer_host": "127.0.0.1",
                            "instance_customer_port": 1433,
                        },
                    },
                ],
            },
        ],
    }  # fmt: skip


def test_passwords_are_for_an_admins_token_that_may_see_them_and_that_is_audited(portal: Portal) -> None:
    create_pools(portal)
    answer = ask(portal, token_of(portal, PortalRole.ADMIN, sees_secrets=True))
    hosts = {one["name"]: one["variables"] for one in answer.get_json()["pools"][1]["instances"]}
    assert hosts["sql01"]["sqlhosting_connection"]["login_password"] == "Plat-form-1!"
    assert hosts["sql02"]["sqlhosting_connection"]["login_password"] == "Own-Secret-1!"
    with portal.database.reading() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "inventory:read_with_secrets")
        ).all()
    assert [(entry.actor_kind, entry.details["token_name"]) for entry in entries] == [("user", "ci")]


@pytest.mark.parametrize("role", [PortalRole.OPERATOR, PortalRole.VIEWER])
def test_an_admin_who_is_one_no_longer_gets_no_passwords(portal: Portal, role: PortalRole) -> None:
    create_pools(portal)
    answer = ask(portal, token_of(portal, PortalRole.ADMIN, sees_secrets=True, then={"role": role}))
    assert answer.status_code == 200
    assert "login_password" not in answer.text


def test_who_has_no_token_that_works_gets_a_401_in_json(portal: Portal) -> None:
    create_pools(portal)
    disabled = token_of(portal, PortalRole.ADMIN, sees_secrets=True, then={"state": UserState.DISABLED})
    for token in (None, "", "sqlh_wrong", "x" * 5000, PASSWORD, "' OR 1=1--", disabled):
        answer = ask(portal, token)
        assert answer.status_code == 401, token
        assert answer.get_json()["error"]["status"] == 401
        assert "sql01" not in answer.text


def test_a_revoked_token_no_longer_works(portal: Portal) -> None:
    user = portal.create_user(PortalRole.OPERATOR)
    with portal.database.transaction() as session:
        made = create_token(session, PLATFORM, user, name="ci", days=None)
    assert ask(portal, made.secret).status_code == 200
    with portal.database.transaction() as session:
        revoke_token(session, PLATFORM, made.row.id, user_id=user.id)
    assert ask(portal, made.secret).status_code == 401


def test_a_customers_token_is_refused_with_a_403_in_json(portal: Portal) -> None:
    create_pools(portal)
    answer = ask(portal, token_of(portal, PortalRole.CUSTOMER))
    assert answer.status_code == 403
    assert answer.get_json()["error"]["status"] == 403


def test_a_portal_session_is_no_token(portal: Portal) -> None:
    client = portal.client(portal.create_user(PortalRole.ADMIN))
    assert client.get(PATH).status_code == 401


def test_only_reading_is_possible(portal: Portal) -> None:
    token = token_of(portal, PortalRole.ADMIN)
    answer = portal.app.test_client().post(PATH, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 405


def run(
    program: str, folder: Path, url: str, token: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """One of Ansible's programs with the portal as its inventory."""
    inventory = folder / "platform.yml"
    inventory.write_text("plugin: sqlhosting.mssql.platform\n")
    return subprocess.run(
        [str(Path(sys.executable).parent / program), "-i", str(inventory), *arguments],
        cwd=ROOT,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "SQLHOSTING_URL": url,
            "SQLHOSTING_TOKEN": token,
            "SQLHOSTING_JOURNAL": str(folder / "journal.jsonl"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_inventory_plugin_gives_ansible_pools_as_groups(portal: Portal, tmp_path: Path) -> None:
    create_pools(portal)
    with served(portal.app) as url:
        seen = run("ansible-inventory", tmp_path, url, token_of(portal, PortalRole.OPERATOR), "--list")
        refused = run("ansible-inventory", tmp_path, url, "sqlh_wrong", "--list")
    assert seen.returncode == 0, seen.stderr
    inventory = json.loads(seen.stdout)
    assert inventory["production"]["hosts"] == ["sql01", "sql02"]
    host = inventory["_meta"]["hostvars"]["sql01"]
    assert host["sqlhosting_connection"]["login_host"] == {"__ansible_unsafe": "10.0.0.1"}
    assert host["pool_thresholds"]["databases"] == 9
    assert "login_password" not in host["sqlhosting_connection"]
    assert "sql01" not in refused.stdout
    assert "sqlh_wrong" not in refused.stdout + refused.stderr


def test_a_playbook_runs_with_the_platforms_inventory_and_passwords(portal: Portal, tmp_path: Path) -> None:
    with running_simulator({"instances": [instance("sql01")]}, folder=tmp_path / "simulator") as simulator:
        one = simulator.instances["sql01"]
        account = portal.create_account(login_password=PLATFORM_PASSWORD)
        pool = portal.create_pool(name="production", elevated_account_id=account.id)
        portal.create_instance(pool, name="sql01", host=one.host, port=one.port)
        token = token_of(portal, PortalRole.ADMIN, sees_secrets=True)
        with served(portal.app) as url:
            done = run("ansible-playbook", tmp_path, url, token, "playbooks/discover.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sql01" in done.stdout
    assert PLATFORM_PASSWORD not in done.stdout + done.stderr
