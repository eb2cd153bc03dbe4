"""Imports every module that registers views, functions, procedures or grammars."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from functools import cache

_PACKAGES = ("functions", "procedures", "ddl", "catalog")


@cache
def load_all() -> None:
    """Import all registering modules, once per process."""
    import simulator.sql as root  # noqa: PLC0415 - the package is still being imported when this module is

    for package in _PACKAGES:
        name = f"{root.__name__}.{package}"
        if importlib.util.find_spec(name) is None:
            continue
        module = importlib.import_module(name)
        for found in pkgutil.walk_packages(getattr(module, "__path__", []), prefix=f"{name}."):
            importlib.import_module(found.name)
