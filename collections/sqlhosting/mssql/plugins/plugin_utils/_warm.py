# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do in Ansible's parent what every worker would do anew: a worker is a fork that lives for one task.

Measured with one ``mssql_database`` task: 23 ms in the worker without this, 15 ms with it. Connecting with
Microsoft's driver takes a fork 16 ms when its library is new to it, 9 ms when the parent has it.
"""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import importlib
import os
from functools import lru_cache

from ansible.plugins.loader import action_loader, filter_loader, lookup_loader
from ansible_collections.sqlhosting.mssql.plugins.module_utils import _connection, _journal, tsql
from ansible_collections.sqlhosting.mssql.plugins.module_utils._templates import FolderTemplates

_COLLECTION = "sqlhosting.mssql."
_OF_EVERY_SESSION = ("session/server", "session/use")
_LONGEST_PATH = 4096  # bytes, of a driver's library
# The drivers speak TLS by the OpenSSL that this loads.
importlib.import_module("ssl")
# Names are measured in it and pyodbc speaks it; its import takes a worker a millisecond.
codecs.lookup("utf-16-le")


def warm(action: str) -> None:
    """Compile the templates that a task with this (fully qualified) action begins with, once in a run."""
    if not action.startswith(_COLLECTION):
        _load_filters()  # a task of another action, such as assert or set_fact, may use them
        return
    _load_lookup()
    code = action_loader.get(action, class_only=True)
    templates = FolderTemplates(os.environ.get(_journal.TEMPLATES_VARIABLE))
    for name in (*_OF_EVERY_SESSION, *getattr(code, "first_reads", ())):
        tsql.compile_template(templates.get(name).source)


@lru_cache(maxsize=1)
def _load_filters() -> None:
    """A worker that meets a filter for the first time loads it: 15 ms in each task."""
    filter_loader.get(_COLLECTION + "application_names")


@lru_cache(maxsize=1)
def _load_lookup() -> None:
    """Passwords stand in files, in jobs' inventories too. A worker that reads one loads this for it."""
    lookup_loader.get("ansible.builtin.file", class_only=True)


def learn(action: str, result: dict) -> None:
    """Keep the library of the driver that a task with this action connected with, for the tasks after it.

    Only a result tells which one that is: the option may be a variable of the host.
    """
    options = (result.get("invocation") or {}).get("module_args") or {}
    if action.startswith(_COLLECTION) and "odbc_driver" in options:
        _load_driver(options["odbc_driver"])


@lru_cache(maxsize=4)
def _load_driver(wanted: str | None) -> None:
    if _connection.pyodbc is None:
        return
    is_path = bool(wanted) and os.sep in wanted
    driver = _connection.choose_driver(wanted, [] if is_path else _connection.pyodbc.drivers())
    with contextlib.suppress(OSError):  # then each worker says itself what is wrong with it
        ctypes.CDLL(driver if os.sep in driver else _library_of(driver))


def _library_of(driver: str) -> str:
    """The library that unixODBC's ``odbcinst.ini`` names for a registered driver. Raises :class:`OSError`.

    Function: "SQLGetPrivateProfileString Function" on Microsoft Learn; unixODBC has it as Windows does.
    """
    path = ctypes.create_string_buffer(_LONGEST_PATH)
    ctypes.CDLL("libodbcinst.so.2").SQLGetPrivateProfileString(
        driver.encode(), b"Driver", b"", path, _LONGEST_PATH, b"odbcinst.ini"
    )
    if not path.value:
        raise OSError(f"odbcinst.ini names no library for {driver}")
    return os.fsdecode(path.value)
