"""Making an instance from its topology, or from the state kept on disk."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.errors import TopologyError
from simulator.estate import files
from simulator.estate.collations import find_collation
from simulator.estate.configuration import OPTIONS
from simulator.estate.database import Database, new_database_options
from simulator.estate.files import PAGE, PAGES_PER_MIB, DatabaseFile
from simulator.estate.instance import MAJOR, Instance
from simulator.estate.passwords import hash_password
from simulator.estate.permission_names import DATABASE, ENDPOINT, SERVER, known
from simulator.estate.principals import SA_SID, DatabaseRole, Grant, Login, User, new_sid
from simulator.estate.volumes import apply_free_space, build_disk
from simulator.topology import DatabaseSpec, InstanceSpec, LoginSpec

if TYPE_CHECKING:
    from simulator.estate.estate import Estate

_MSDB_ROLES = ("SQLAgentUserRole", "SQLAgentReaderRole", "SQLAgentOperatorRole")


def build_instance(estate: Estate, spec: InstanceSpec, state_file: Path | None) -> Instance:
    """The instance as its topology describes it, or as it was when its state was last kept.

    Raises :class:`TopologyError` for a collation, role or permission that does not exist.
    """
    if find_collation(spec.collation) is None:
        raise TopologyError(f"instance {spec.name}: collation {spec.collation!r} does not exist")
    now = estate.clock.now()
    disk = build_disk(spec, MAJOR[spec.version])
    instance = Instance(estate, spec, estate.clock, disk, spec.collation, now)
    instance.configured = {o.name: o.default for o in OPTIONS}
    unknown = set(spec.configuration) - set(instance.configured)
    if unknown:
        raise TopologyError(
            f"instance {spec.name}: configuration option {sorted(unknown)[0]!r} does not exist"
        )
    instance.configured |= spec.configuration
    if state_file is not None and state_file.exists():
        from simulator.estate.persistence import load  # noqa: PLC0415 - it imports instances

        load(instance, state_file)
    else:
        _fill(instance)
    instance.running = dict(instance.configured)
    apply_free_space(disk, spec)
    return instance


def _fill(instance: Instance) -> None:
    spec, now = instance.spec, instance.clock.local()
    instance.logins.append(
        Login(1, "sa", SA_SID, hash_password(spec.sa_password, instance.major), now, now, password_set=now)
    )
    instance.grants.add(Grant(SERVER, 0, 1, 1, "CONNECT SQL", "G"))
    instance.grants.add(Grant(SERVER, 0, 2, 1, "VIEW ANY DATABASE", "G"))
    instance.grants |= {Grant(ENDPOINT, number, 2, 1, "CONNECT", "G") for number in (2, 3, 4, 5)}
    for login in spec.logins:
        _add_login(instance, login, now)
    for number, name in enumerate(("master", "tempdb", "model", "msdb"), start=1):
        instance.databases.append(_system_database(instance, number, name, now))
    for database in spec.databases:
        add_database(instance, database, now)


def _add_login(instance: Instance, spec: LoginSpec, now: datetime) -> None:
    if instance.login(spec.name) is not None:
        raise TopologyError(f"instance {instance.name}: there are two logins {spec.name!r}")
    sid = bytes.fromhex(spec.sid[2:]) if spec.sid else new_sid()
    login = Login(
        instance.new_principal_id(), spec.name, sid, hash_password(spec.password, instance.major), now, now,
        spec.default_database, is_disabled=spec.disabled, password_set=now,
    )  # fmt: skip
    instance.logins.append(login)
    instance.grants.add(Grant(SERVER, 0, login.principal_id, 1, "CONNECT SQL", "G"))
    for name in spec.server_roles:
        role = instance.role(name)
        if role is None:
            raise TopologyError(
                f"instance {instance.name}, login {spec.name}: server role {name!r} does not exist"
            )
        role.members.add(login.principal_id)
    for name in spec.permissions:
        if known(SERVER, name, instance.major) is None:
            raise TopologyError(
                f"instance {instance.name}, login {spec.name}: permission {name!r} does not exist"
            )
        instance.grants.add(Grant(SERVER, 0, login.principal_id, 1, name.upper(), "G"))


def _system_database(instance: Instance, number: int, name: str, now: datetime) -> Database:
    stem = {
        "master": ("master", "mastlog"),
        "tempdb": ("tempdev", "templog"),
        "model": ("modeldev", "modellog"),
    }
    data, log = stem.get(name, ("MSDBData", "MSDBLog"))
    paths = {"tempdev": "tempdb", "modeldev": "model"}
    database = Database(instance, number, name, instance.collation_name, SA_SID, now)
    database.compatibility_level = instance.major * 10
    database.recovery_model = "FULL" if name == "model" else "SIMPLE"
    mib = PAGES_PER_MIB
    folder = instance.disk.system_path
    database.files = [
        DatabaseFile(1, "ROWS", data, f"{folder}{paths.get(data, data)}.mdf", 8 * mib, used=4 * mib),
        DatabaseFile(2, "LOG", log, f"{folder}{log}.ldf", 8 * mib, used=64),
    ]
    _put_files(instance, database)
    if name != "model":
        database.grants.add(Grant(DATABASE, 0, 2, 1, "CONNECT", "G"))
    if name == "msdb":
        database.is_trustworthy_on = True
        for role in _MSDB_ROLES:
            database.roles.append(DatabaseRole(database.new_principal_id(), role, now, now))
    return database


def add_database(instance: Instance, spec: DatabaseSpec, now: datetime) -> Database:
    """Add a user database that the topology lists. Raises :class:`TopologyError`."""
    if instance.find_database(spec.name) is not None:
        raise TopologyError(f"instance {instance.name}: there are two databases {spec.name!r}")
    owner = instance.login(spec.owner)
    if owner is None:
        raise TopologyError(
            f"instance {instance.name}, database {spec.name}: owner {spec.owner!r} does not exist"
        )
    collation = spec.collation or instance.collation_name
    if find_collation(collation) is None:
        raise TopologyError(
            f"instance {instance.name}, database {spec.name}: collation {collation!r} does not exist"
        )
    database = Database(instance, instance.new_database_id(), spec.name, collation, owner.sid, now)
    database.compatibility_level = instance.major * 10
    database.options |= new_database_options(instance.major)
    database.recovery_model, database.state = spec.recovery_model, spec.state
    mib, disk = PAGES_PER_MIB, instance.disk
    limit = spec.max_mib * mib if spec.max_mib else files.UNLIMITED
    database.files = [
        DatabaseFile(
            1, "ROWS", spec.name, f"{disk.data_path}{spec.name}.mdf", spec.data_mib * mib, limit,
            used=int(spec.used_mib * mib),
        ),
        DatabaseFile(
            2, "LOG", f"{spec.name}_log", f"{disk.log_path}{spec.name}_log.ldf", spec.log_mib * mib,
            files.MAX_LOG_PAGES, used=64,
        ),
    ]  # fmt: skip
    _put_files(instance, database)
    instance.databases.append(database)
    return database


def _put_files(instance: Instance, database: Database) -> None:
    for file in database.files:
        instance.disk.put(file.path, file.size * PAGE, "log" if file.type == "LOG" else "data")


__all__ = ["User", "add_database", "build_instance"]
