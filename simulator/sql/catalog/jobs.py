"""SQL Server Agent's jobs, as far as a login owns them: they keep it from being dropped (15170).

Columns and the procedure's parameters: Microsoft Learn, "dbo.sysjobs", "sp_add_job". Nothing runs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.access import has_database
from simulator.estate.database import Database
from simulator.results import Result, ReturnStatus
from simulator.sql.catalog.common import columns, rows
from simulator.sql.ddl.common import keep
from simulator.sql.registry import Argument, Rows, procedure, view

_JOBS = columns(
    "job_id:guid originating_server_id:int name:sysname enabled:tinyint description:nvarchar(512)? "
    "start_step_id:int category_id:int owner_sid:varbinary(85) notify_level_eventlog:int "
    "notify_level_email:int notify_level_netsend:int notify_level_page:int notify_email_operator_id:int "
    "notify_netsend_operator_id:int notify_page_operator_id:int delete_level:int date_created:datetime "
    "date_modified:datetime version_number:int"
)
_PARAMETERS = ("@job_name", "@owner_login_name")


@view("msdb.dbo.sysjobs", _JOBS)
def sysjobs(session: Any, _database: Database) -> Rows:
    """The jobs. Raises 229 for those who may not read msdb's tables."""
    msdb = session.instance.find_database("msdb")
    if not has_database(session, msdb, "SELECT"):
        raise sql_error(229, "SELECT", "sysjobs", "msdb", "dbo")
    now = session.instance.clock.local()
    return rows(
        _JOBS,
        ({**job, "enabled": 1, "date_created": now, "date_modified": now} for job in session.instance.jobs),
    )


@procedure("sp_add_job")
def sp_add_job(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """Add a job. Raises 2812 outside msdb, 14234 (no such owner), 229; 59999 for further parameters."""
    if session.database.name != "msdb":
        raise sql_error(2812, "sp_add_job")
    given = {argument.name.lower(): argument.value for argument in arguments}
    if set(given) - set(_PARAMETERS) or not isinstance(given.get("@job_name"), str):
        raise unknown_tsql("sp_add_job with other parameters than @job_name and @owner_login_name")
    instance = session.instance
    if not instance.is_sysadmin(session.login):
        raise sql_error(229, "EXECUTE", "sp_add_job", "msdb", "dbo")
    name = given.get("@owner_login_name")
    owner = session.login if name is None else instance.login(str(name))
    if owner is None:
        raise sql_error(14234, "@owner_login_name", "sp_helplogins [excluding Windows NT groups]")
    instance.jobs.append({"job_id": uuid4(), "name": given["@job_name"], "owner_sid": owner.sid})
    keep(session)
    yield ReturnStatus(0)
