"""The compatibility views: sysdatabases, sysprocesses and the like, which older scripts ask.

Readable as ``sys.x``, ``dbo.x`` and ``master..x``. Source: Microsoft Learn, "System Compatibility Views".
"""

from __future__ import annotations

from typing import Any

from simulator.estate.access import has_server
from simulator.estate.database import Database
from simulator.estate.files import DatabaseFile
from simulator.sql.catalog.common import columns, rows
from simulator.sql.catalog.databases import sees_database
from simulator.sql.catalog.sessions import seen_sessions
from simulator.sql.registry import VIEWS, Rows, view

_STATUS = {"OFFLINE": 512, "RESTORING": 32, "SINGLE_USER": 4096, "RESTRICTED_USER": 2048}

_DATABASES = columns(
    "name:sysname dbid:smallint? sid:varbinary(85)? mode:smallint? status:int? status2:int? crdate:datetime "
    "reserved:datetime? category:int? cmptlevel:tinyint filename:nvarchar(260)? version:smallint?"
)


@view("sys.sysdatabases", _DATABASES)
def sysdatabases(session: Any, _database: Database) -> Rows:
    """Databases; ``status`` has bits for offline, restoring, single user and restricted user."""
    found = []
    for d in session.instance.databases:
        if sees_database(session, d):
            status = _STATUS.get(d.state, 0) | _STATUS.get(d.user_access, 0) | 1024 * d.is_read_only
            found.append(
                {
                    "name": d.name, "dbid": d.database_id, "sid": d.owner_sid, "mode": 0, "status": status,
                    "status2": 0, "crdate": d.created, "category": 0, "cmptlevel": d.compatibility_level,
                    "filename": d.files[0].path if d.files else None,
                    "version": {15: 904, 16: 957}.get(session.instance.major, 998),
                }
            )  # fmt: skip
    return rows(_DATABASES, found)


_PROCESSES = columns(
    "spid:smallint kpid:smallint blocked:smallint waittype:binary(2) waittime:bigint lastwaittype:nchar(32) "
    "waitresource:nchar(256) dbid:smallint uid:smallint? cpu:int physical_io:bigint memusage:int "
    "login_time:datetime last_batch:datetime ecid:smallint open_tran:smallint status:nchar(30) "
    "sid:binary(86) hostname:nchar(128) program_name:nchar(128) hostprocess:nchar(10) cmd:nchar(26) "
    "nt_domain:nchar(128) nt_username:nchar(128) net_address:nchar(12) net_library:nchar(12) "
    "loginame:nchar(128) context_info:binary(128) sql_handle:binary(20) stmt_start:int stmt_end:int "
    "request_id:int"
)


@view("sys.sysprocesses", _PROCESSES)
def sysprocesses(session: Any, _database: Database) -> Rows:
    """User sessions: all with VIEW SERVER STATE, else those of the same login."""
    return rows(
        _PROCESSES,
        (
            {
                "spid": s.spid, "waittype": b"\0\0", "lastwaittype": "MISCELLANEOUS", "waitresource": "",
                "dbid": s.database.database_id, "uid": 1, "memusage": 2, "login_time": s.login_time,
                "last_batch": s.last_request_time, "open_tran": s.transaction_count,
                "status": "runnable" if s is session else "suspended" if s.is_running else "sleeping",
                "sid": s.login.sid, "hostname": s.host_name, "program_name": s.app_name, "hostprocess": "1",
                "cmd": "SELECT" if s is session else "AWAITING COMMAND", "nt_domain": "", "nt_username": "",
                "net_address": "", "net_library": "TCP/IP", "loginame": s.login.name, "context_info": b"",
                "sql_handle": b"",
            }
            for s in seen_sessions(session)
        ),
    )  # fmt: skip


_LOGINS = columns(
    "sid:varbinary(85)? status:smallint createdate:datetime updatedate:datetime accdate:datetime totcpu:int "
    "totio:int spacelimit:int timelimit:int resultlimit:int name:sysname dbname:sysname? "
    "password:nvarchar(128)? language:sysname? denylogin:int hasaccess:int isntname:int isntgroup:int "
    "isntuser:int sysadmin:int securityadmin:int serveradmin:int setupadmin:int processadmin:int "
    "diskadmin:int dbcreator:int bulkadmin:int loginname:sysname"
)


@view("sys.syslogins", _LOGINS)
def syslogins(session: Any, database: Database) -> Rows:
    """Logins with their fixed server roles as columns; never a password."""
    instance = session.instance
    visible = {row[1] for row in VIEWS["sys.server_principals"].rows(session, database)}
    found = []
    for x in instance.logins:
        if x.principal_id not in visible:
            continue
        roles = {r.name: 1 for r in instance.roles_of(x.principal_id) if r.is_fixed}
        found.append(
            {
                "sid": x.sid, "status": 9, "createdate": x.created, "updatedate": x.modified,
                "accdate": x.created, "name": x.name, "dbname": x.default_database,
                "language": x.default_language, "hasaccess": 1, "loginname": x.name,
            }
            | roles
        )  # fmt: skip
    return rows(_LOGINS, found)


_USERS = columns(
    "uid:smallint? status:smallint? name:sysname sid:varbinary(85)? createdate:datetime updatedate:datetime "
    "altuid:smallint? gid:smallint? hasdbaccess:int? islogin:int? isntname:int? isntgroup:int? isntuser:int? "
    "issqluser:int? isaliased:int? issqlrole:int? isapprole:int?"
)


@view("sys.sysusers", _USERS)
def sysusers(_session: Any, database: Database) -> Rows:
    """Users and roles of the database it is read in."""
    principals: list[Any] = [*database.users, *database.roles]
    return rows(
        _USERS,
        (
            {
                "uid": p.principal_id if p.principal_id < 32768 else None, "status": 0, "name": p.name,
                "sid": getattr(p, "sid", None), "createdate": p.created, "updatedate": p.modified,
                "hasdbaccess": int(p.type == "S" and p.principal_id not in {2, 3, 4}),
                "islogin": int(p.type == "S"), "isntname": 0, "isntgroup": 0, "isntuser": 0,
                "issqluser": int(p.type == "S"), "isaliased": 0, "issqlrole": int(p.type == "R"),
                "isapprole": 0,
            }
            for p in principals
        ),
    )  # fmt: skip


_OBJECTS = columns(
    "name:sysname id:int xtype:char(2) uid:smallint? info:smallint? status:int? base_schema_ver:int? "
    "parent_obj:int crdate:datetime type:char(2)? userstat:smallint? refdate:datetime"
)


@view("sys.sysobjects", _OBJECTS)
def sysobjects(session: Any, database: Database) -> Rows:
    """User objects and the system views."""
    everything = VIEWS["sys.all_objects"].rows(session, database)
    return [
        (name, number, kind, schema, 0, 0, 0, parent, created, kind, 1, created)
        for name, number, _, schema, parent, kind, _, created, *_ in everything
    ]


_FILES = (
    "fileid:smallint? groupid:smallint? size:int maxsize:int growth:int status:int? perf:int? name:sysname "
    "filename:nvarchar(260)?"
)
_ALL_FILES = columns(_FILES.replace("name:sysname", "dbid:smallint? name:sysname"))


def _file(file: DatabaseFile) -> tuple[Any, ...]:
    return (file.file_id, int(file.type == "ROWS"), file.size, file.max_size, file.growth, 2, 0)


@view("sys.sysfiles", columns(_FILES))
def sysfiles(_session: Any, database: Database) -> Rows:
    """The files of the database it is read in; sizes in 8-KB pages."""
    return [(*_file(f), f.name, f.path) for f in database.files]


@view("sys.sysaltfiles", _ALL_FILES)
def sysaltfiles(session: Any, _database: Database) -> Rows:
    """The files of all databases, as sys.master_files shows them."""
    needed = ("CREATE ANY DATABASE", "ALTER ANY DATABASE", "VIEW ANY DEFINITION")
    if not any(has_server(session, p) for p in needed):
        return []
    return [(*_file(f), d.database_id, f.name, f.path) for d in session.instance.databases for f in d.files]


@view("sys.sysconfigures", columns("value:int? config:int comment:nvarchar(255) status:smallint"))
def sysconfigures(session: Any, database: Database) -> Rows:
    """Configuration options with their configured values."""
    options = VIEWS["sys.configurations"].rows(session, database)
    return [(r[2].value, r[0], r[6], 2 * int(r[8]) + int(r[7])) for r in options]
