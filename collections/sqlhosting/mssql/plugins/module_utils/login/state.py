# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A login as the instance shows it (sys.server_principals, sys.sql_logins)."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import hexadecimal

SA_SID = "0x01"
SQL_SID_LENGTH = 34  # "0x" and 32 digits: SIDs of SQL logins have 16 bytes, sa's has one


class Login:
    """An existing SQL login. ``is_planned``: only an earlier task of this check-mode run would have created
    it, so it is taken to be as that task asks."""

    def __init__(self, name: str, sid: str | None) -> None:
        self.name = name
        self.sid = sid
        self.is_planned = False
        self.is_new = False  # this task creates it
        self.type = "S"
        self.is_enabled = True
        self.check_policy = self.check_expiration = None
        self.must_change = None
        self.is_locked = None  # by wrong passwords; None: not to be seen
        self.default_database = None
        self.same_default_database = True
        self.password_matches = None  # None: not asked, or not permitted
        self.server_roles: list = []
        self.asked_roles: dict = {}  # of the asked server roles those it has: as asked to as spelt

    @classmethod
    def from_rows(cls, rows: list, asked_roles: list) -> Login:
        """From rows of template login/observe: the login's columns, repeated for each server role."""
        row = rows[0]
        login = cls(row["name"], hexadecimal(row["sid"]))
        login.type = row["type"].strip()
        login.is_enabled = not row["is_disabled"]
        login.check_policy = None if row["is_policy_checked"] is None else bool(row["is_policy_checked"])
        login.check_expiration = (
            None if row["is_expiration_checked"] is None else bool(row["is_expiration_checked"])
        )
        login.must_change = None if row["is_must_change"] is None else bool(row["is_must_change"])
        login.is_locked = None if row["is_locked"] is None else bool(row["is_locked"])
        login.default_database = row["default_database"]
        login.same_default_database = bool(row["same_default_database"])
        matches = row["password_matches"]
        login.password_matches = None if matches is None else bool(matches)
        login.server_roles = [each["server_role"] for each in rows if each["server_role"] is not None]
        for index, role in enumerate(asked_roles):
            for each in rows:
                if each[f"asked_{index}"]:
                    login.asked_roles[role] = each["server_role"]
        return login

    @classmethod
    def planned(cls, name: str, sid: str | None) -> Login:
        """What check mode may assume of a login that an earlier task would have created."""
        login = cls(name, sid)
        login.is_planned = True
        return login

    @property
    def sql_sid(self) -> str | None:
        """The SID where it is one of a SQL login (16 bytes); None for sa."""
        return self.sid if self.sid is not None and len(self.sid) == SQL_SID_LENGTH else None

    def as_dict(self) -> dict:
        return {
            "name": self.name,
            "sid": self.sid,
            "enabled": self.is_enabled,
            "is_locked": self.is_locked,
            "check_policy": self.check_policy,
            "check_expiration": self.check_expiration,
            "must_change": self.must_change,
            "default_database": self.default_database,
            "server_roles": sorted(self.server_roles),
        }


def refuse_foreign_type(login: Login) -> None:
    """Only SQL logins are ours: Windows and Entra logins have no password, certificates' no sessions."""
    if login.type != "S":
        kind = {
            "U": "a Windows login",
            "G": "a Windows group",
            "E": "an Entra login",
            "X": "an Entra group",
        }.get(login.type)
        raise InvalidInput(
            field="name",
            problem=f"[{login.name}] is {kind or 'made from a certificate or key'}, not a SQL login",
            remedy="mssql_login handles SQL logins only.",
        )


def is_own(login: Login, probe: dict) -> bool:
    """Whether it is the login of the session itself; ``probe`` is a row of template login/observe."""
    return login.name.casefold() == str(probe["own_login"]).casefold()


def is_builtin(login: Login) -> bool:
    """Whether SQL Server itself needs the login: sa under any name, and those between ## marks."""
    return login.sid == SA_SID or login.name.startswith("##")
