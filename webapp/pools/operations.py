"""Create, change and remove pools and instances, and have them looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.audit.operations import Actor, record
from webapp.database import is_id
from webapp.errors import Conflict, InvalidInput
from webapp.jobs.models import ENDED_JOB_STATES, Job
from webapp.jobs.operations import launch
from webapp.jobs.subjects import is_about, references
from webapp.pools import fields
from webapp.pools.account_password import WHERE, require_knowledge
from webapp.pools.holders import SHOWN_NAMES, holders
from webapp.pools.listing import collations_of
from webapp.pools.models import Discovery, ElevatedAccount, Instance, Pool, PoolKind, Reachability
from webapp.pools.subjects import INSTANCE
from webapp.signed_rows import sign


@dataclass(frozen=True)
class PoolValues:
    """A pool as somebody wants it; checked when it is stored."""

    name: str
    kind: PoolKind
    description: str
    elevated_account_id: str
    is_open: bool
    cpu_percent: int | None
    memory_percent: int | None
    disk_free_percent: int | None
    databases: int | None
    largest_data_gib: int | None
    largest_log_gib: int | None
    default_collation: str | None  # None: the instances' own
    price_per_gib_month: Decimal | None
    currency: str
    account_password: str | None = field(default=None, repr=False)  # see account_password.py


@dataclass(frozen=True)
class InstanceValues:
    """An instance as somebody wants it; checked when it is stored."""

    name: str
    host: str
    port: int | None
    instance_name: str | None  # None: the default instance
    customer_host: str | None  # None: the same as host
    customer_port: int | None  # None: the same as port
    elevated_account_id: str | None  # None: the pool's
    trust_server_certificate: bool
    is_open: bool
    account_password: str | None = field(default=None, repr=False)  # see account_password.py


def create_pool(session: Session, actor: Actor, values: PoolValues) -> Pool:
    """A new pool. Raises InvalidInput, Conflict."""
    pool = Pool()
    columns = _checked_pool(session, values, pool=None)
    _apply(pool, columns)
    session.add(pool)
    _flush(session, f"There is a pool {pool.name} already.")
    sign(session, pool)
    _record(session, actor, "pool:created", pool, **_plain(columns))
    return pool


def change_pool(
    session: Session, actor: Actor, pool: Pool, values: PoolValues, *, by_admin: bool = False
) -> None:
    """Change a pool. Raises InvalidInput, Conflict; name and kind are fixed once applications are there.

    Another account takes its password, unless ``by_admin``.
    """
    columns = _checked_pool(session, values, pool=pool)
    is_moved = columns["name"] != pool.name or columns["kind"] is not pool.kind
    if is_moved and (why := _first(one.keeps_pool_name(session, pool) for one in holders())):
        raise Conflict(f"Name and kind cannot be changed: {why}.")
    if columns["elevated_account_id"] != pool.elevated_account_id or not pool.is_intact:
        account = session.get_one(ElevatedAccount, columns["elevated_account_id"])
        require_knowledge(account, values.account_password, by_admin=by_admin)
    changed = _apply(pool, columns)
    _flush(session, f"There is a pool {columns['name']} already.")
    sign(session, pool)
    if changed:
        _record(session, actor, "pool:changed", pool, changes=changed)


def remove_pool(session: Session, actor: Actor, pool: Pool) -> None:
    """Remove a pool that nothing belongs to. Raises Conflict that says what does."""
    if pool.instances:
        names = ", ".join(instance.name for instance in pool.instances[:SHOWN_NAMES])
        raise Conflict(f"The pool {pool.name} still holds instances: {names}. Remove them first.")
    if why := _first(one.keeps_pool(session, pool) for one in holders()):
        raise Conflict(why)
    session.delete(pool)
    _record(session, actor, "pool:deleted", pool)


def create_instance(
    session: Session, actor: Actor, pool: Pool, values: InstanceValues, *, by_admin: bool = False
) -> Instance:
    """A new instance of ``pool``. Raises InvalidInput, Conflict.

    It takes the password of the account that will be used there, unless ``by_admin``.
    """
    columns = _checked_instance(session, values, instance=None)
    _require_knowledge(session, pool, columns, values.account_password, by_admin=by_admin)
    instance = Instance(pool_id=pool.id)
    _apply(instance, columns)
    session.add(instance)
    _flush(session, f"There is an instance {instance.name} already.")
    sign(session, instance)
    _record(session, actor, "instance:created", instance, pool_id=pool.id, **_plain(columns))
    return instance


def change_instance(
    session: Session, actor: Actor, instance: Instance, values: InstanceValues, *, by_admin: bool = False
) -> None:
    """Change an instance. What another address said no longer counts. Raises InvalidInput, Conflict.

    What decides where the account's password is sent takes that password, unless ``by_admin``.
    """
    columns = _checked_instance(session, values, instance=instance)
    is_renamed = columns["name"] != instance.name
    if is_renamed and (why := _first(one.keeps_instance_name(session, instance) for one in holders())):
        raise Conflict(f"The name cannot be changed: {why}.")
    if any(getattr(instance, name) != columns[name] for name in WHERE) or not instance.is_intact:
        _require_knowledge(session, instance.pool, columns, values.account_password, by_admin=by_admin)
    changed = _apply(instance, columns)
    if changed.keys() & {"host", "port", "instance_name"}:
        instance.reachability, instance.last_error = Reachability.UNKNOWN, None
    if changed.keys() & set(WHERE):
        instance.account_check, instance.account_checked_at = None, None
    _flush(session, f"There is an instance {columns['name']} already.")
    sign(session, instance)
    if changed:
        _record(session, actor, "instance:changed", instance, changes=changed)


def remove_instance(session: Session, actor: Actor, instance: Instance) -> None:
    """Forget an instance and its discoveries; it is left as it is. Raises Conflict while it is in use."""
    if why := _first(one.keeps_instance(session, instance) for one in holders()):
        raise Conflict(f"The instance {instance.name} cannot be removed: {why}.")
    jobs = select(func.count()).where(is_about(INSTANCE, instance.id), Job.state.not_in(ENDED_JOB_STATES))
    if session.scalar(jobs):
        raise Conflict(f"The instance {instance.name} cannot be removed: a job about it has not ended.")
    for holder in holders():
        holder.forget_instance(session, instance)
    session.execute(delete(Discovery).where(Discovery.instance_id == instance.id))
    session.delete(instance)
    _record(session, actor, "instance:deleted", instance, pool_id=instance.pool_id)


def look_at_instance(session: Session, actor: Actor, instance: Instance, template: str) -> Job:
    """Launch ``discover`` or ``check_account`` for one instance."""
    return launch(
        session, template=template, title=f"{_TITLES[template]} {instance.name}", launched_by=actor,
        parameters={"instance_id": instance.id},
        subjects=references(instance=instance.id, pool=instance.pool_id),
    )  # fmt: skip


def look_at_pool(session: Session, actor: Actor, pool: Pool, template: str) -> Job:
    """Launch ``discover`` or ``check_account`` for a whole pool. Raises Conflict when it has no instance."""
    if not pool.instances:
        raise Conflict(f"The pool {pool.name} has no instance. Add one first.")
    return launch(
        session, template=template, title=f"{_TITLES[template]} pool {pool.name}", launched_by=actor,
        parameters={"pool_id": pool.id}, subjects=references(pool=pool.id),
    )  # fmt: skip


_TITLES = {"discover": "Discover", "check_account": "Check the account on"}


def _checked_pool(session: Session, values: PoolValues, *, pool: Pool | None) -> dict[str, Any]:
    name = fields.pool_name(values.name)
    _name_is_free(session, name, Pool, own=pool)
    wanted = (values.default_collation or "").strip()
    is_kept = pool is not None and wanted == (pool.default_collation or "")
    known = collations_of(session, pool) if pool and not is_kept else []
    collation = fields.collation(wanted, known)
    return {
        "name": name,
        "kind": values.kind,
        "description": fields.line("description", values.description, most=500, is_required=False),
        "elevated_account_id": _account_id(session, values.elevated_account_id),
        "is_open": values.is_open,
        "cpu_percent": fields.between("cpu_percent", values.cpu_percent, 1, 100),
        "memory_percent": fields.between("memory_percent", values.memory_percent, 1, 100),
        "disk_free_percent": fields.between("disk_free_percent", values.disk_free_percent, 0, 99),
        "databases": fields.between("databases", values.databases, 1, 32767),
        "largest_data_gib": fields.between(
            "largest_data_gib", values.largest_data_gib, 1, fields.LARGEST_DATA_GIB
        ),
        "largest_log_gib": fields.between(
            "largest_log_gib", values.largest_log_gib, 1, fields.LARGEST_LOG_GIB
        ),
        "default_collation": collation,
        "price_per_gib_month": fields.price(values.price_per_gib_month),
        "currency": fields.currency(values.currency),
    }


def _checked_instance(
    session: Session, values: InstanceValues, *, instance: Instance | None
) -> dict[str, Any]:
    name = fields.instance_name(values.name)
    _name_is_free(session, name, Instance, own=instance)
    host, port = fields.address("host", values.host), fields.port("port", values.port)
    named = fields.named_instance(values.instance_name)
    customer_port = fields.port("customer_port", values.customer_port)
    if port is None and named is None:
        raise InvalidInput("port", "The port is missing", "Give a port (usually 1433) or an instance name")
    if port is None and customer_port is None:
        raise InvalidInput(
            "customer_port",
            "Customers cannot connect without a port",
            "Give the port of the named instance as customers reach it",
        )
    _address_is_free(session, host, port, named, own=instance)
    account_id = values.elevated_account_id
    return {
        "name": name,
        "host": host,
        "port": port,
        "instance_name": named,
        "customer_host": fields.address("customer_host", values.customer_host or host),
        "customer_port": customer_port or port,
        "elevated_account_id": _account_id(session, account_id) if account_id else None,
        "trust_server_certificate": values.trust_server_certificate,
        "is_open": values.is_open,
    }


def _require_knowledge(
    session: Session, pool: Pool, columns: Mapping[str, Any], password: str | None, *, by_admin: bool
) -> None:
    account_id = columns["elevated_account_id"] or pool.elevated_account_id
    require_knowledge(session.get_one(ElevatedAccount, account_id), password, by_admin=by_admin)


def _name_is_free(session: Session, name: str, kind: type[Pool] | type[Instance], *, own: Any) -> None:
    """Pools and instances share a space of names: a group and a host of one name confuse Ansible."""
    rows: list[Pool | Instance] = [
        *session.scalars(select(Pool).where(Pool.name == name)),
        *session.scalars(select(Instance).where(Instance.name == name)),
    ]
    for row in rows:
        if not (isinstance(row, kind) and own is not None and row.id == own.id):
            word = "a pool" if isinstance(row, Pool) else "an instance"
            raise InvalidInput("name", f"There is {word} called {name} already", "Choose another name")


def _address_is_free(
    session: Session, host: str, port: int | None, named: str | None, *, own: Instance | None
) -> None:
    # One change of instances at a time, so that two people cannot add the same one.
    session.execute(select(Pool.id).order_by(Pool.id).with_for_update())
    same = []
    if port is not None:
        same.append(Instance.port == port)
    if named is not None:
        same.append(func.lower(Instance.instance_name) == named.lower())
    query = select(Instance).where(func.lower(Instance.host) == host, or_(*same))
    if own is not None:
        query = query.where(Instance.id != own.id)
    twin = session.scalars(query.limit(1)).one_or_none()
    if twin is not None:
        field = "port" if port is not None else "instance_name"
        raise InvalidInput(
            field, f"This is the address of {twin.name} already", "An instance can be added once only"
        )


def _account_id(session: Session, account_id: str) -> str:
    if not is_id(account_id) or session.get(ElevatedAccount, account_id) is None:
        raise InvalidInput("elevated_account_id", "There is no such account", "Choose one from the list")
    return account_id


def _apply(row: Any, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Set the columns; what was different, as JSON values [before, after]."""
    before = {name: getattr(row, name) for name in columns}
    for name, value in columns.items():
        setattr(row, name, value)
    shown, wanted = _plain(before), _plain(columns)
    return {name: [shown[name], wanted[name]] for name in columns if before[name] != columns[name]}


def _plain(columns: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON values."""
    return {
        name: value if value is None or isinstance(value, (bool, int)) else str(value)
        for name, value in columns.items()
    }


def _flush(session: Session, taken: str) -> None:
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(f"{taken} Somebody else was faster.") from None


def _first(reasons: Iterable[str | None]) -> str | None:
    return next((reason for reason in reasons if reason), None)


def _record(session: Session, actor: Actor, action: str, row: Pool | Instance, **details: Any) -> None:
    # record() has words of its own for two of the columns.
    if "kind" in details:
        details["pool_kind"] = details.pop("kind")
    details.pop("name", None)
    kind = action.split(":", maxsplit=1)[0]
    record(session, actor, action, object_kind=kind, object_id=row.id, object_name=row.name, **details)
