"""Pools and instances as an Ansible inventory: for the engine's runs, and for an admin's own over the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload, undefer

from webapp.jobs.templates import NotLaunchable, SecretFile
from webapp.pools.models import ElevatedAccount, Instance, Pool
from webapp.signed_rows import RowChanged, require_intact

DEFAULT_PORT = 1433
# The modules are database clients: they run in ansible-playbook's own process.
LOCAL = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
}
API_VERSION = 1


def run_inventory(
    session: Session,
    pool_id: str | None = None,
    instance_id: str | None = None,
    *,
    instance_ids: Sequence[str] = (),
    extra_host_variables: Mapping[str, Mapping[str, Any]] | None = None,
    with_closed: bool = False,
) -> tuple[dict[str, Any], dict[str, str]]:
    """The inventory for a Launch, and its secrets: file name to password.

    ``instance_id`` or ``instance_ids``: these instances alone, open or not; else all open instances of the
    pool, ``with_closed`` also the others. ``extra_host_variables``: more variables by instance name; under
    ``all`` those of every instance. A variable may be a SecretFile whose secret the caller adds to the
    secrets. Raises NotLaunchable when one of the instances is not there, or when where it is was changed
    behind the platform's back.
    """
    wanted = set(instance_ids) or ({instance_id} if instance_id is not None else set())
    chosen = _chosen(session, pool_id, wanted, with_closed=with_closed)
    extra = extra_host_variables or {}
    secrets: dict[str, str] = {}
    groups: dict[str, Any] = {}
    for instance in chosen:
        account = instance.elevated_account
        try:
            require_intact(instance, instance.pool, account)  # else the password might go anywhere
        except RowChanged as changed:
            raise NotLaunchable(str(changed)) from None
        secret = SecretFile(f"account_{account.id}")
        secrets[secret.name] = account.login_password
        variables = {**LOCAL, **host_variables(instance, account)}
        variables["sqlhosting_connection"]["login_password"] = secret
        group = groups.setdefault(instance.pool.name, {"hosts": {}, "vars": pool_variables(instance.pool)})
        group["hosts"][instance.name] = {**variables, **extra.get(instance.name, {})}
    everything: dict[str, Any] = {"children": groups}
    if "all" in extra:
        everything["vars"] = dict(extra["all"])
    return {"all": everything}, secrets


def api_inventory(session: Session, *, with_secrets: bool) -> dict[str, Any]:
    """All pools and instances, as the inventory plugin ``sqlhosting.mssql.platform`` reads them.

    Raises RowChanged when one of them was changed behind the platform's back.
    """
    query = select(Pool).options(selectinload(Pool.instances)).order_by(Pool.name)
    return {
        "version": API_VERSION,
        "pools": [
            {
                "name": pool.name,
                "kind": pool.kind.value,
                "variables": pool_variables(pool),
                "instances": [
                    {"name": instance.name, "variables": _api_variables(instance, with_secrets=with_secrets)}
                    for instance in pool.instances
                ],
            }
            for pool in session.scalars(query)
        ],
    }


def pool_variables(pool: Pool) -> dict[str, Any]:
    """The variables of a pool's group."""
    return {
        "pool_thresholds": pool.thresholds,
        "pool_largest_data_limit": f"{pool.largest_data_gib}GiB",
        "pool_largest_log_limit": f"{pool.largest_log_gib}GiB",
    }


def host_variables(instance: Instance, account: ElevatedAccount) -> dict[str, Any]:
    """The variables of an instance, without the password."""
    connection: dict[str, Any] = {
        "login_host": instance.host,
        "login_user": account.login_user,
        "trust_server_certificate": instance.trust_server_certificate,
    }
    if instance.port is not None:
        connection["login_port"] = instance.port
    if instance.instance_name:
        connection["login_instance"] = instance.instance_name
    return {
        "sqlhosting_connection": connection,
        "instance_customer_host": customer_address(instance)[0],
        "instance_customer_port": customer_address(instance)[1],
    }


def customer_address(instance: Instance) -> tuple[str, int]:
    """(host, port) that customers of ``instance`` are given."""
    return instance.customer_host, instance.customer_port or instance.port or DEFAULT_PORT


def _api_variables(instance: Instance, *, with_secrets: bool) -> dict[str, Any]:
    account = instance.elevated_account
    require_intact(instance, instance.pool, account)
    variables = host_variables(instance, account)
    if with_secrets:
        variables["sqlhosting_connection"]["login_password"] = account.login_password
    return variables


def _chosen(session: Session, pool_id: str | None, wanted: set[str], *, with_closed: bool) -> list[Instance]:
    password = undefer(ElevatedAccount.login_password_sealed)
    query = select(Instance).options(
        selectinload(Instance.own_elevated_account).options(password),
        selectinload(Instance.pool).selectinload(Pool.elevated_account).options(password),
    )
    if pool_id is not None:
        query = query.where(Instance.pool_id == pool_id)
    if wanted:
        query = query.where(Instance.id.in_(wanted))
    elif not with_closed:
        query = query.where(Instance.is_open)
    chosen = list(session.scalars(query.order_by(Instance.name)))
    if wanted and len(chosen) < len(wanted):
        raise NotLaunchable("The instance is not there any more.")
    if not chosen:
        raise NotLaunchable("The pool has no open instance." if pool_id else "There is no open instance.")
    return chosen
