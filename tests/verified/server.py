"""A server to verify against, and how to read its address from an ODBC connection string."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyodbc
from ansible_collections.sqlhosting.mssql.plugins.module_utils import _journal
from ansible_collections.sqlhosting.mssql.plugins.module_utils._module import run_module
from ansible_collections.sqlhosting.mssql.plugins.module_utils._session import RunContext
from ansible_collections.sqlhosting.mssql.plugins.module_utils._templates import FolderTemplates

from tests.support.modules import module_code


@dataclass
class Server:
    """A server to verify against, over one ODBC driver."""

    options: dict[str, Any]
    folder: Path

    def connect(self, *, autocommit: bool = True) -> pyodbc.Connection:
        """A bare connection to ``master``."""
        o = self.options
        encryption = {"Encryption": "require"} if "tds" in o["odbc_driver"].lower() else {"Encrypt": "yes"}
        trust = {"TrustServerCertificate": "yes" if o["trust_server_certificate"] else "no"}
        pairs = {
            "DRIVER": o["odbc_driver"],
            "UID": o["login_user"],
            "PWD": "{" + o["login_password"] + "}",
            **encryption,
        }
        if "tds" in o["odbc_driver"].lower():
            pairs |= {"Server": o["login_host"], "Port": str(o["login_port"]), "TDS_Version": "7.4"}
        else:
            pairs |= {"Server": f"tcp:{o['login_host']},{o['login_port']}", **trust}
        text = ";".join(f"{key}={value}" for key, value in pairs.items())
        return pyodbc.connect(text, autocommit=autocommit, timeout=15)

    def run(self, module: str, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """The result of one module on this server."""
        code = module_code(module)
        context = RunContext(
            journal=_journal.Journal(str(self.folder / "journal.jsonl"), "verify"),
            templates=FolderTemplates(),
            check_mode=check_mode,
            diff_mode=True,
        )
        raw = {**self.options, **options}
        result: dict[str, Any] = run_module(code.ARGUMENT_SPEC, code.SPEC_RULES, code.run, raw, context)
        return result


def options_from_dsn(dsn: str, driver: str) -> dict[str, Any]:
    """The modules' connection options for an ODBC string ``Server=tcp:host,port;UID=…;PWD=…;…``."""
    pairs = {
        key.strip().lower(): value.strip().removeprefix("{").removesuffix("}")
        for key, _equals, value in (part.partition("=") for part in dsn.split(";") if part)
    }
    host, _comma, port = pairs["server"].removeprefix("tcp:").partition(",")
    return {
        "login_host": host,
        "login_port": int(port or 1433),
        "login_user": pairs["uid"],
        "login_password": pairs["pwd"],
        "trust_server_certificate": pairs.get("trustservercertificate", "no").lower() in ("yes", "true"),
        "odbc_driver": driver,
    }
