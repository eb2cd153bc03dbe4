# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find a T-SQL template: in the folder of approved revisions first, then among the shipped ones.

In the controller's process templates are files; a module that runs elsewhere gets all of them as texts,
because Ansible ships only Python files with a module.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import TemplateError

SUFFIX = ".sql.j2"
SHIPPED_FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "templates", "tsql")
_NAME = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)+")


class Template:
    """``revision`` is ``shipped`` or ``custom`` and the first 12 digits of the source's sha256."""

    def __init__(self, name: str, source: str, origin: str) -> None:
        self.name = name
        self.source = source
        self.revision = f"{origin}:{hashlib.sha256(source.encode('utf-8')).hexdigest()[:12]}"


class FolderTemplates:
    """Templates as files: ``override`` (SQLHOSTING_TEMPLATES) is searched before the shipped folder."""

    def __init__(self, override: str | None = None) -> None:
        if override and not os.path.isdir(override):
            raise TemplateError(
                f"SQLHOSTING_TEMPLATES: the folder {override} does not exist",
                remedy="Unset the variable or create the folder.",
            )
        self._folders = ([(override, "custom")] if override else []) + [(SHIPPED_FOLDER, "shipped")]

    def get(self, name: str) -> Template:
        """The template called ``object/verb``. Raises :class:`TemplateError`."""
        if not _NAME.fullmatch(name):
            raise TemplateError(f"{name!r} is not a template's name")
        for folder, origin in self._folders:
            source = _read(os.path.join(folder, name + SUFFIX))
            if source is not None:
                return Template(name, source, origin)
        raise TemplateError(f"there is no T-SQL template {name}{SUFFIX}")

    def texts(self) -> dict[str, tuple[str, str]]:
        """All templates as name → (source, origin), for a module that runs on another machine."""
        found: dict[str, tuple[str, str]] = {}
        for folder, origin in self._folders:
            for path, _folders, files in os.walk(folder):
                for file in files:
                    if not file.endswith(SUFFIX):
                        continue
                    full = os.path.join(path, file)
                    name = os.path.relpath(full, folder)[: -len(SUFFIX)].replace(os.sep, "/")
                    source = _read(full)
                    if name not in found and source is not None:
                        found[name] = (source, origin)
        return found


class TextTemplates:
    """Templates as texts, as :meth:`FolderTemplates.texts` gives them."""

    def __init__(self, texts: dict) -> None:
        self._texts = texts

    def get(self, name: str) -> Template:
        """The template called ``object/verb``. Raises :class:`TemplateError`."""
        if name not in self._texts:
            raise TemplateError(f"there is no T-SQL template {name}{SUFFIX}")
        source, origin = self._texts[name]
        return Template(name, source, origin)


def _read(path: str) -> str | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return _read_version(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=512)
def _read_version(path: str, _modified_ns: int, _size: int) -> str:
    """The file's text, read once per version. Ansible's workers inherit what the parent has read."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as exc:
        raise TemplateError(f"{path} cannot be read: {exc}") from exc
