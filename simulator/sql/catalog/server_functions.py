"""SERVERPROPERTY, DATABASEPROPERTYEX, COLLATIONPROPERTY and the names of databases and files."""

from __future__ import annotations

from typing import Any

from simulator.errors import unknown_tsql
from simulator.estate.access import can_enter
from simulator.estate.collations import find_collation
from simulator.estate.database import Database
from simulator.estate.instance import UPDATE_LEVEL
from simulator.sql.catalog.databases import sees_database
from simulator.sql.registry import function
from simulator.sqltypes import BIGINT, INT, SQL_VARIANT, SYSNAME, SqlType, Variant, nvarchar

_TEXT = nvarchar(128)
_ENGINE_EDITION = {
    "Developer": 3, "Enterprise": 3, "EnterpriseDeveloper": 3, "Standard": 2, "StandardDeveloper": 2,
    "Web": 2, "Express": 4,
}  # fmt: skip
_EDITION = {
    "Developer": "Developer Edition (64-bit)",
    "Enterprise": "Enterprise Edition (64-bit)",
    "EnterpriseDeveloper": "Enterprise Developer Edition (64-bit)",
    "StandardDeveloper": "Standard Developer Edition (64-bit)",
    "Standard": "Standard Edition (64-bit)",
    "Web": "Web Edition (64-bit)",
    "Express": "Express Edition (64-bit)",
}
# Microsoft's page of SERVERPROPERTY does not tell those of the editions that 2025 brought.
_EDITION_ID = {
    "Developer": -2117995310, "Enterprise": 1804890536, "Standard": -1534726760, "Web": 1293598313,
    "Express": -1592396055,
}  # fmt: skip
_BUILD_DATE = {15: "2024-11-13", 16: "2024-06-13", 17: "2025-10-21"}


def variant(value: Any) -> Variant | None:
    """A value as sql_variant: int or nvarchar(128); None stays NULL."""
    if value is None:
        return None
    if isinstance(value, int):
        wide = not -(2**31) <= int(value) < 2**31
        return Variant(BIGINT if wide else INT, int(value))
    return Variant(_TEXT, str(value))


def server_properties(instance: Any) -> dict[str, Any]:
    """Every property that the simulator knows, by lower-case name."""
    spec, disk = instance.spec, instance.disk
    collation = instance.collation
    version = instance.product_version
    return {
        "productversion": version,
        "productlevel": "RTM",
        "productupdatelevel": UPDATE_LEVEL[spec.version],
        "productupdatereference": None,
        "productbuild": version.split(".")[2],
        "productbuildtype": None,
        "productmajorversion": version.split(".")[0],
        "productminorversion": version.split(".")[1],
        "edition": _EDITION[spec.edition],
        "editionid": _EDITION_ID.get(spec.edition),
        "engineedition": _ENGINE_EDITION[spec.edition],
        "collation": collation.name,
        "collationid": 872468488,
        "comparisonstyle": 0 if collation.is_binary else 196609,
        "lcid": collation.lcid,
        "sqlcharset": 1,
        "sqlcharsetname": "iso_1",
        "sqlsortorder": 52,
        "sqlsortordername": "nocase_iso",
        "machinename": spec.name,
        "computernamephysicalnetbios": spec.name,
        "servername": instance.server_name,
        "instancename": spec.instance_name,
        "instancedefaultdatapath": disk.data_path,
        "instancedefaultlogpath": disk.log_path,
        "instancedefaultbackuppath": disk.backup_path,
        "isclustered": 0,
        "ishadrenabled": int(spec.hadr),
        "hadrmanagerstatus": 1 if spec.hadr else 2,
        "isintegratedsecurityonly": 0,
        "isfulltextinstalled": 0,
        "issingleuser": 0,
        "isxtpsupported": 1,
        "ispolybaseinstalled": 0,
        "isadvancedanalyticsinstalled": 0,
        "isexternalauthenticationonly": 0 if instance.major >= 16 else None,
        "istempdbmetadatamemoryoptimized": 0,
        "isbigdatacluster": 0,
        "islocaldb": 0,
        "isserversuspendedforsnapshotbackup": 0 if instance.major >= 16 else None,
        "buildclrversion": "v4.0.30319",
        "filestreamsharename": "",
        "filestreamconfiguredlevel": 0,
        "filestreameffectivelevel": 0,
        "licensetype": "DISABLED",
        "numlicenses": None,
        "processid": 100,
        "resourceversion": version,
        "errorlogfilename": "C:\\errorlog" if instance.is_windows else "/var/opt/mssql/log/errorlog",
        "pathseparator": "\\" if instance.is_windows else "/",
    }


@function("SERVERPROPERTY", returns=SQL_VARIANT)
def serverproperty(session: Any, name: str | None) -> Variant | None:
    """A property of the instance as sql_variant; NULL for an unknown name."""
    if (name or "").strip().lower() == "editionid" and session.instance.spec.edition not in _EDITION_ID:
        raise unknown_tsql(f"SERVERPROPERTY('EditionID') of {session.instance.spec.edition}")
    return variant(server_properties(session.instance).get((name or "").strip().lower()))


def version_text(instance: Any) -> str:
    """@@VERSION."""
    spec = instance.spec
    update = UPDATE_LEVEL[spec.version]
    level = f"RTM-{update}" if update else "RTM"
    system = (
        "Windows Server 2022 Standard 10.0 <X64> (Build 20348: ) (Hypervisor)"
        if instance.is_windows
        else "Linux (Ubuntu 22.04.4 LTS) <X64>"
    )
    return (
        f"Microsoft SQL Server {spec.version} ({level}) - {instance.product_version} (X64) \n"
        f"\t{_BUILD_DATE[instance.major]} 00:00:00 \n\tSimulated; no Microsoft software\n"
        f"\t{_EDITION[spec.edition]} on {system}"
    )


def _database(session: Any, name: str | None) -> Database | None:
    found: Database | None = session.instance.find_database(name) if name is not None else None
    return found


@function("DB_ID", returns=SqlType("smallint"))
def db_id(session: Any, *name: str | None) -> int | None:
    """The id of a database, the current one without an argument; NULL for an unknown one."""
    found = _database(session, name[0]) if name else session.database
    return found.database_id if found is not None else None


@function("DB_NAME", returns=SYSNAME)
def db_name(session: Any, *database_id: int | None) -> str | None:
    """The name of a database, the current one without an argument."""
    if not database_id:
        return str(session.database.name)
    found = session.instance.database_by_id(database_id[0])
    return found.name if found is not None and sees_database(session, found) else None


@function("ORIGINAL_DB_NAME", returns=SYSNAME)
def original_db_name(session: Any) -> str:
    """The database of the connection string; here the current one."""
    return str(session.database.name)


@function("HAS_DBACCESS", returns=INT)
def has_dbaccess(session: Any, name: str | None) -> int | None:
    """1 if the login may enter the database, 0 if not, NULL if there is none of that name."""
    found = _database(session, name)
    if found is None:
        return None
    return int(can_enter(session, found))


@function("DATABASEPROPERTYEX", returns=SQL_VARIANT)
def databasepropertyex(session: Any, name: str | None, prop: str | None) -> Variant | None:
    """A property of a database as sql_variant; NULL for an unknown database or property."""
    d = _database(session, name)
    if d is None:
        return None
    collation = find_collation(d.collation_name)
    is_open = d.is_open and not d.is_shut
    values: dict[str, Any] = {
        "collation": d.collation_name if is_open else None,
        "comparisonstyle": (0 if collation and collation.is_binary else 196609) if is_open else None,
        "edition": None,
        "isautoclose": int(d.is_auto_close_on),
        "isautoshrink": int(d.is_auto_shrink_on),
        "isautocreatestatistics": 1,
        "isautoupdatestatistics": 1,
        "isfulltextenabled": 1,
        "isinstandby": 0,
        "isverifiedclone": 0,
        "lcid": collation.lcid if collation and is_open else None,
        "recovery": d.recovery_model,
        "sqlsortorder": 52 if d.collation_name.startswith("SQL_") else 0,
        "status": d.state,
        "updateability": "READ_ONLY" if d.is_read_only or d.state != "ONLINE" else "READ_WRITE",
        "useraccess": d.user_access,
        "version": {15: 904, 16: 957, 17: 998}[session.instance.major] if d.is_open else None,
        "lastgoodcheckdbtime": None,
    }
    return variant(values.get((prop or "").strip().lower()))


@function("COLLATIONPROPERTY", returns=SQL_VARIANT)
def collationproperty(_session: Any, name: str | None, prop: str | None) -> Variant | None:
    """CodePage, LCID, ComparisonStyle or Version of a collation; NULL for an unknown one."""
    found = find_collation(name or "")
    if found is None:
        return None
    flags = found.flags
    style = (
        0
        if found.is_binary
        else sum(
            (
                0 if "CS" in flags else 1,
                0 if "AS" in flags else 2,
                0 if "KS" in flags else 65536,
                0 if "WS" in flags else 131072,
            )
        )
    )
    values = {
        "codepage": found.code_page, "lcid": found.lcid, "comparisonstyle": style, "version": found.version,
    }  # fmt: skip
    return variant(values.get((prop or "").strip().lower()))


@function("FILE_ID", returns=SqlType("smallint"))
def file_id(session: Any, name: str | None) -> int | None:
    """The id of a file of the current database."""
    found = session.database.file(name) if name is not None else None
    return found.file_id if found else None


@function("FILE_IDEX", returns=INT)
def file_idex(session: Any, name: str | None) -> int | None:
    """The id of a file of the current database."""
    return file_id(session, name)


@function("FILE_NAME", returns=SYSNAME)
def file_name(session: Any, number: int | None) -> str | None:
    """The logical name of a file of the current database."""
    return next((f.name for f in session.database.files if f.file_id == number), None)


@function("FILEPROPERTY", returns=INT)
def fileproperty(session: Any, name: str | None, prop: str | None) -> int | None:
    """SpaceUsed (pages), IsReadOnly, IsPrimaryFile or IsLogFile of a file of the current database."""
    found = session.database.file(name) if name is not None else None
    if found is None:
        return None
    values = {
        "spaceused": int(found.used),
        "isreadonly": int(session.database.is_read_only),
        "isprimaryfile": int(found.file_id == 1),
        "islogfile": int(found.type == "LOG"),
    }
    return values.get((prop or "").strip().lower())


@function("@@SERVERNAME", returns=SYSNAME)
def servername_variable(session: Any) -> str:
    """Machine, and ``\\instance`` for a named one."""
    return str(session.instance.server_name)


@function("@@SERVICENAME", returns=SYSNAME)
def servicename_variable(session: Any) -> str:
    """The instance's name, MSSQLSERVER for the default one."""
    return str(session.instance.spec.instance_name or "MSSQLSERVER")


@function("@@VERSION", returns=nvarchar(300))
def version_variable(session: Any) -> str:
    """Product, version, edition and system in words."""
    return version_text(session.instance)


@function("@@MICROSOFTVERSION", returns=INT)
def microsoftversion_variable(session: Any) -> int:
    """The version as a number: major in the highest byte, build in the lower two."""
    major, minor, build, _ = (int(part) for part in session.instance.product_version.split("."))
    return (major << 24) | (minor << 16) | build
