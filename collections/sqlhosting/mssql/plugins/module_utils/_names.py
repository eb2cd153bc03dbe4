# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which names may be given to databases, logins and users. Whether two names are equal is the server's to
say.
"""

from __future__ import annotations

import re

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput

MAX_NAME = 128  # sysname
MAX_DATABASE_NAME = 123  # the log file's logical name is the database's with "_log" appended
SYSTEM_DATABASES = ("master", "model", "msdb", "tempdb", "mssqlsystemresource", "distribution", "ssisdb")
# Contained availability groups bring <group>_master and <group>_msdb (SQL Server 2022).
_CONTAINED_SYSTEM = re.compile(r".+_(master|msdb)", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]")
# Bidirectional controls let a statement read otherwise than it runs ("Trojan Source", CVE-2021-42574).
_DIRECTION = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def check_name(name: str, *, field: str = "name", maximum: int = MAX_NAME) -> str:
    """``name`` itself, if SQL Server and the people who read it can tell it from others.

    Raises :class:`InvalidInput`: 1 to ``maximum`` UTF-16 units, no control characters, none that change the
    direction of text, no blanks at the ends (``=`` in T-SQL ignores trailing blanks, so ``[shop ]`` and
    ``[shop]`` would be one).
    """
    units = len(name.encode("utf-16-le", "surrogatepass")) // 2
    if not name:
        raise InvalidInput(field=field, problem="the name is empty")
    if units > maximum:
        raise InvalidInput(
            field=field,
            problem=f"the name has {units} characters, at most {maximum} are possible",
            remedy="Shorten it.",
        )
    if _CONTROL.search(name):
        raise InvalidInput(field=field, problem=f"{name!r} holds a control character or a line end")
    if _DIRECTION.search(name):
        raise InvalidInput(
            field=field,
            problem=f"{name!a} holds a character that changes the direction of text",
            remedy="Leave it out: statements with it read otherwise than they run.",
        )
    if any(0xD800 <= ord(character) <= 0xDFFF for character in name):
        raise InvalidInput(field=field, problem=f"{name!r} is not valid Unicode")
    if name != name.strip():
        raise InvalidInput(
            field=field, problem=f"{name!r} begins or ends with a blank", remedy="Take the blank away."
        )
    return name


def check_database_name(name: str, *, field: str = "name") -> str:
    """``name`` itself, if it may be a database of ours. Raises :class:`InvalidInput`."""
    check_name(name, field=field, maximum=MAX_DATABASE_NAME)
    if is_system_database(name):
        raise InvalidInput(
            field=field, problem=f"{name!r} is a system database", remedy="Choose another name."
        )
    return name


def is_system_database(name: str) -> bool:
    """Whether the name belongs to SQL Server itself, in any case of its letters."""
    return name.strip().lower() in SYSTEM_DATABASES or bool(_CONTAINED_SYSTEM.fullmatch(name.strip()))


def check_login_name(name: str, *, field: str = "name", windows: bool = False) -> str:
    """``name`` itself, if it may be a login. A SQL login holds no backslash, a Windows login exactly one."""
    check_name(name, field=field)
    if windows != ("\\" in name):
        problem = "a Windows login is written DOMAIN\\name" if windows else "a SQL login holds no backslash"
        raise InvalidInput(field=field, problem=f"{name!r}: {problem}")
    return name
