# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What SQL Server's error numbers mean for us: class, remedy, and whether to send the statement again.

Source: "Database Engine events and errors" on Microsoft Learn. Numbers that come in pairs (1802 with 5170, "
        "5069
trailing another error) are all listed: ODBC on Linux keeps only the first of them.
"""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils import _errors as errors


class Known:
    """What is known about an error number."""

    def __init__(self, kind: type, remedy: str, retryable: bool = False) -> None:
        self.kind = kind
        self.remedy = remedy
        self.retryable = retryable


def _table(*rows: tuple) -> dict[int, Known]:
    table: dict[int, Known] = {}
    for numbers, kind, remedy, *flags in rows:
        for number in numbers:
            if number in table:
                raise ValueError(f"error number {number} is listed twice")
            table[number] = Known(kind, remedy, retryable=bool(flags and flags[0]))
    return table


RETRY = True
_WAIT = "It was tried again several times; try later."
_KICK = "End the other sessions (terminate_sessions: true) or try when nobody works in it."

KNOWN = _table(
    # Logging in
    (
        (18456,),
        errors.LoginFailed,
        "Check login_user, login_password and login_database. The instance's error log tells the true reason "
        "(state 8 wrong password, 7 disabled, 5 no such login, 38 no such database).",
    ),
    ((18470,), errors.LoginFailed, "The login is disabled: enable it, or use another."),
    ((18486,), errors.LoginFailed, "The login is locked: unlock it, or wait for the lockout to end."),
    ((18487, 18488), errors.LoginFailed, "The password has expired or must be changed: change it first."),
    (
        (18452,),
        errors.LoginFailed,
        "The instance takes no SQL logins, or the Windows login's domain is not trusted.",
    ),
    (
        (17892, 18461, 18401),
        errors.LoginFailed,
        "The instance is starting, in single-user mode or closed by a trigger.",
    ),
    (
        (4060, 4064),
        errors.DatabaseMissing,
        "The login cannot open this database at login: it is missing, offline or closed to it. Use "
        "login_database: master.",
    ),
    # Databases
    ((1801,), errors.ObjectExists, "The database exists already."),
    (
        (5170,),
        errors.ObjectExists,
        "A file of that name lies on the disk, perhaps left by a database dropped while offline: remove or "
        "attach it.",
    ),
    (
        (1802,),
        errors.StatementFailed,
        "CREATE DATABASE failed; the instance's error log holds the first cause.",
    ),
    (
        (5069,),
        errors.StatementFailed,
        "ALTER DATABASE failed; the instance's error log holds the first cause.",
    ),
    (
        (5123, 5133, 5105),
        errors.Rejected,
        "The path is missing or not open to the service account on the server.",
    ),
    ((1807,), errors.InUse, "Another database is being created (lock on model). " + _WAIT, RETRY),
    ((1803,), errors.Rejected, "The size is below the model database's: ask for more."),
    (
        (1827,),
        errors.Rejected,
        "The edition's limit for database sizes is reached (Express: 10 GB, 50 GB since 2025): ask for less.",
    ),
    ((1842,), errors.Rejected, "The size is out of the range that SQL Server can do."),
    (
        (1806, 5072, 5075, 448, 2775, 15301),
        errors.Rejected,
        "Choose another collation: mssql_discover lists those known.",
    ),
    (
        (451, 457, 468),
        errors.StatementFailed,
        "Text of databases with different collations is mixed: the T-SQL template needs "
        "COLLATE DATABASE_DEFAULT on each such column.",
    ),
    ((5103, 5104), errors.Rejected, "Size, maximum and growth of the file do not fit together."),
    ((5169,), errors.Rejected, "The growth is more than the maximum: lower the growth."),
    (
        (5039,),
        errors.Rejected,
        "Files only grow by SIZE: ask for more, or shrink the file (DBCC SHRINKFILE).",
    ),
    (
        (5040,),
        errors.Rejected,
        "The maximum is below the file's present size: ask for more, or shrink the file first.",
    ),
    ((5034, 5065), errors.InUse, "The file is being changed by somebody else. " + _WAIT, RETRY),
    ((911, 5002), errors.DatabaseMissing, "There is no such database on this instance."),
    ((5011, 916), errors.PermissionDenied, "The login has no right there, or the database is not open."),
    (
        (262, 229, 230, 297, 300, 371, 15247, 15578, 6102, 6104, 15317),
        errors.PermissionDenied,
        "Grant the right to the login, see docs/databases-and-logins.md.",
    ),
    (
        (3701, 15151),
        errors.ObjectMissing,
        "It is not there, or the login may not see it: look with more rights.",
    ),
    ((3702, 5061, 5064, 5070, 924, 5030), errors.InUse, _KICK),
    ((3709, 3788), errors.InUse, "Database snapshots depend on it: drop them first (drop_snapshots: true)."),
    (
        (1468, 3752, 957),
        errors.InUse,
        "The database is in an availability group: take it out of the group first.",
    ),
    ((5059, 952), errors.DatabaseNotReady, "The database is in transition. " + _WAIT, RETRY),
    ((921, 922), errors.DatabaseNotReady, "The database is recovering. " + _WAIT, RETRY),
    (
        (941, 983),
        errors.DatabaseNotReady,
        "The database is not started yet, or its replica is resolving. " + _WAIT,
        RETRY,
    ),
    ((3762,), errors.InUse, "The database is busy. " + _WAIT, RETRY),
    ((1205,), errors.InUse, "The statement was chosen as a deadlock's victim. " + _WAIT, RETRY),
    ((1222,), errors.InUse, "A lock was not given in time. " + _WAIT, RETRY),
    ((942,), errors.DatabaseNotReady, "The database is offline: bring it online first (state: online)."),
    ((927,), errors.DatabaseNotReady, "The database is being restored: finish the restore (WITH RECOVERY)."),
    ((945,), errors.DatabaseNotReady, "Files are missing or resources lack: see the instance's error log."),
    ((923,), errors.DatabaseNotReady, "The database is restricted to db_owner, dbcreator and sysadmin."),
    (
        (976, 3906, 3908),
        errors.DatabaseNotReady,
        "The database cannot be used here so: ask the primary replica.",
    ),
    ((1105, 1101), errors.OutOfSpace, "The data files are full: raise the quota or delete data."),
    (
        (9002,),
        errors.OutOfSpace,
        "The log is full: see log_reuse_wait_desc in sys.databases before raising its limit.",
    ),
    ((5149, 1124, 823), errors.OutOfSpace, "The server's volume is full or failing: make room there."),
    (
        (226, 3021, 574),
        errors.StatementFailed,
        "The statement was sent in a transaction, where it may not be.",
    ),
    ((1505,), errors.Rejected, "The customer's data hold duplicates."),
    ((3201, 3271, 3013), errors.StatementFailed, "The backup device cannot be used from the server."),
    ((35294, 35295, 35296), errors.InUse, "The backup cannot run on this replica now. " + _WAIT, RETRY),
    # Logins, users, roles
    ((15025, 15023), errors.ObjectExists, "It exists already."),
    ((15433,), errors.ObjectExists, "Another login has this SID: choose another SID, or use that login."),
    ((15063,), errors.ObjectExists, "The login has another user in this database."),
    ((15007, 15410), errors.ObjectMissing, "There is no such login, user or role."),
    (
        (15116, 15117, 15118, 15156, 15119),
        errors.Rejected,
        "The password policy refuses it: longer, with more classes.",
    ),
    ((15114, 15115), errors.Rejected, "The password was changed too recently, or is one of the last ones."),
    ((15113,), errors.Rejected, "The login is locked: set a password to unlock it."),
    ((15122, 15128, 15099), errors.Rejected, "check_expiration needs check_policy; must_change needs both."),
    ((15401, 15407), errors.Rejected, "Windows does not know the name; it is written DOMAIN\\name."),
    ((15404,), errors.StatementFailed, "The directory did not answer. " + _WAIT, RETRY),
    ((15434,), errors.InUse, "The login has open sessions: end them (terminate_sessions: true)."),
    (
        (15174, 15170, 15141, 15155, 15173),
        errors.InUse,
        "The login owns things or gave permissions: hand them on first.",
    ),
    (
        (15138, 15183, 15421, 15136, 15284),
        errors.InUse,
        "The user owns something, gave permissions, or modules run as it: hand it on, revoke or alter first.",
    ),
    ((15405, 15150), errors.Rejected, "The name belongs to SQL Server itself and cannot be used so."),
    ((12824,), errors.Rejected, "The instance's 'contained database authentication' is off: switch it on."),
    # Availability groups
    (
        (41138, 41165, 41166, 41186, 41192, 41109),
        errors.InUse,
        "Database or replica is busy. " + _WAIT,
        RETRY,
    ),
    (
        (41131, 41136, 41146, 41151, 41163, 41190, 41194),
        errors.DatabaseNotReady,
        "The availability group is not online yet. " + _WAIT,
        RETRY,
    ),
    (
        (35250, 1418),
        errors.DatabaseNotReady,
        "No link to the primary: check endpoint state, URL, port, firewall and the CONNECT grant.",
        RETRY,
    ),
    (
        (35216, 35218, 35256, 1404, 1413, 1421, 1438, 41193, 47106, 47137),
        errors.DatabaseNotReady,
        "The partner replica is in transition. " + _WAIT,
        RETRY,
    ),
    (
        (41140, 35251, 35240, 47122),
        errors.Rejected,
        "This is the wrong replica for it: find the primary again.",
    ),
    (
        (41100, 41044, 41126, 35238, 41132, 41148),
        errors.ObjectMissing,
        "Group, replica or database is not there.",
    ),
    ((41106, 41114, 41042, 35280, 35282, 41145), errors.ObjectExists, "It exists already."),
    ((41073, 41133, 35281, 35283), errors.ObjectMissing, "It is not a member."),
    # Statements
    (
        (102, 105, 156, 170, 319, 8180),
        errors.StatementFailed,
        "The T-SQL template is wrong for this version of SQL Server.",
    ),
    (
        (207, 208, 2812),
        errors.ObjectMissing,
        "The object is not there on this version, or the login may not see it.",
    ),
    ((103,), errors.Rejected, "A name has more than 128 characters."),
    (
        (596, 6005, 233),
        errors.OutcomeUnknown,
        "The session was ended on the server; look what took effect, then run again.",
    ),
    # What the drivers themselves number
    (
        (40, 53),
        errors.ConnectionFailed,
        "Check login_host, login_port, the network and that the instance is running.",
        RETRY,
    ),
)
