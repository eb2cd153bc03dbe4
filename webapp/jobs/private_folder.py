"""The private folder of an attempt: inventory, secrets, plan, lease, journal, artifacts; for its owner alone.

Secrets are files of mode 0600 that Ansible reads with a lookup; they are in no variable, argument or
environment. Text that looks like a Jinja expression is marked ``!unsafe`` and stays a text.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from webapp.errors import PlatformError
from webapp.jobs.templates import ANSWERS, Launch, RunPath, SecretFile
from webapp.settings import Settings

MIN_FREE_MIB = (
    32  # for inventory, artifacts and the journal of a run; discoveries of large pools take some MiB
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SECRET_NAME = re.compile(r"[A-Za-z0-9_]{1,100}")
_ID = re.compile(r"[0-9A-Z]{26}-\d+")
# What the platform itself writes into inventories; Ansible must evaluate it.
_OUR_EXPRESSIONS = frozenset({"{{ ansible_playbook_python }}"})


class FolderUnavailable(PlatformError):
    """The private folder cannot be made: nothing was started. The text says why and what to do."""


_JINJA_MARKS = ("{{", "{%", "{#")


class _Unsafe(str):
    """A text that Ansible must not evaluate."""


class _Dumper(yaml.SafeDumper):
    """YAML as Ansible reads it, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Unsafe, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value), style='"')
)


@dataclass(frozen=True)
class PrivateFolder:
    """Where everything of one attempt is."""

    path: Path

    @property
    def journal(self) -> Path:
        """What the modules write."""
        return self.path / "journal.jsonl"

    @property
    def lease(self) -> Path:
        """Until when changes may be sent."""
        return self.path / "lease"

    @property
    def plan(self) -> Path:
        """The approved plan, if there is one."""
        return self.path / "plan.json"

    @property
    def inventory(self) -> Path:
        """The inventory."""
        return self.path / "inventory.yml"

    @property
    def secrets(self) -> Path:
        """The folder of secret files."""
        return self.path / "secrets"

    @property
    def answers(self) -> Path:
        """Where a run that asks many at once leaves each answer."""
        return self.path / ANSWERS.name

    @property
    def events(self) -> Path:
        """Where ansible-runner leaves events until they are stored."""
        return self.path / "artifacts" / "run" / "job_events"

    def renew(self, until: datetime) -> None:
        """Let changes be sent until ``until``. Raises OSError, as on a full disk: then the lease ends."""
        self._replace(self.lease, f"{until.timestamp():.3f}\n")

    def read_secrets(self) -> list[str]:
        """The secrets as they were written, for masking; [] when they are gone."""
        if not self.secrets.is_dir():
            return []
        return [file.read_text(encoding="utf-8").rstrip("\n") for file in sorted(self.secrets.iterdir())]

    def remove(self) -> None:
        """Remove it, secrets first. Nothing happens when it is not there."""
        shutil.rmtree(self.secrets, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.exists():  # a process that just died may have written while we removed
            shutil.rmtree(self.path, ignore_errors=True)

    def _replace(self, path: Path, text: str) -> None:
        other = path.with_suffix(".new")
        _write(other, text)
        other.replace(path)


def folder_for(settings: Settings, job_id: str, attempt: int) -> PrivateFolder:
    """The folder of an attempt, whether it exists or not.

    Raises :class:`FolderUnavailable` for an id that is none: it would lead out of the jobs' folder.
    """
    if not _ID.fullmatch(f"{job_id}-{attempt}"):
        raise FolderUnavailable(f"{job_id!a} is no id of a job: its row was changed.")
    return PrivateFolder(settings.jobs_folder.absolute() / f"{job_id}-{attempt}")


def folders_here(settings: Settings) -> list[tuple[str, int, PrivateFolder]]:
    """(job id, attempt, folder) of all private folders on this machine."""
    if not settings.jobs_folder.is_dir():
        return []
    if not _is_own(settings.jobs_folder):
        return []  # what somebody else may have put there is no run of ours
    found = []
    for path in sorted(settings.jobs_folder.absolute().iterdir()):
        if _ID.fullmatch(path.name):
            job_id, attempt = path.name.split("-")
            found.append((job_id, int(attempt), PrivateFolder(path)))
    return found


def create_folder(
    settings: Settings, launch: Launch, *, job_id: str, attempt: int, lease_until: datetime
) -> PrivateFolder:
    """Make the folder with everything that a run reads.

    Raises :class:`FolderUnavailable`: the disk is full or not writable, or a path cannot be used.
    """
    folder = folder_for(settings, job_id, attempt)
    try:
        settings.jobs_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_own(settings.jobs_folder)
        free_mib = shutil.disk_usage(settings.jobs_folder).free >> 20
        if free_mib < MIN_FREE_MIB:
            raise OSError(errno.ENOSPC, "No space left on device")
        folder.remove()  # of an attempt that died while it began
        folder.path.mkdir(mode=0o700)
        _fill(folder, settings, launch)
        folder.renew(lease_until)
    except OSError as exc:
        folder.remove()
        raise FolderUnavailable(_sentence(settings, exc)) from None
    return folder


def _is_own(path: Path) -> bool:
    """Whether nobody else can put files of their own in place of ours there."""
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _require_own(path: Path) -> None:
    if not _is_own(path):
        raise FolderUnavailable(
            f"The private folder in {path} cannot be made: others than the worker's user can write there, or "
            "it is a link. Make it that user's, of mode 0700."
        )


def _fill(folder: PrivateFolder, settings: Settings, launch: Launch) -> None:
    for path in (folder.secrets, folder.path / "env", folder.path / "tmp", folder.path / "artifacts"):
        path.mkdir(mode=0o700)
    for name, secret in launch.secrets.items():
        if not _SECRET_NAME.fullmatch(name):
            raise FolderUnavailable(f"{name!r} is no name of a secret: use letters, digits and underscores")
        _write(folder.secrets / name, secret + "\n")
    _write(folder.inventory, _yaml(_marked(launch.inventory, folder)))
    _write(folder.path / "env" / "extravars", _yaml(_marked(launch.variables, folder)))
    _write(folder.path / "env" / "settings", json.dumps(_runner_settings(settings)))
    if launch.approved_plan is not None:
        _write(folder.plan, json.dumps(launch.approved_plan, ensure_ascii=False))
    _write(folder.journal, "")


def _runner_settings(settings: Settings) -> dict[str, Any]:
    return {
        "pexpect_timeout": 0.2,  # how often it asks whether to cancel, in seconds
        "idle_timeout": None,  # a restore may say nothing for an hour
        "job_timeout": settings.job_timeout_s,
        "suppress_output_file": True,  # the events hold the output
        "suppress_ansible_output": True,
    }


def _marked(value: Any, folder: PrivateFolder) -> Any:
    if isinstance(value, SecretFile):
        path = str(folder.secrets / value.name)
        if not re.fullmatch(r"[\w./ @+,=~-]+", path):
            raise FolderUnavailable(
                f"SQLHOSTING_DATA_FOLDER: {path} holds characters that cannot stand in an inventory; "
                "use letters, digits and the characters . / _ -"
            )
        return f"{{{{ lookup('ansible.builtin.file', '{path}') }}}}"
    if isinstance(value, RunPath):
        return str(folder.path / value.name)
    if isinstance(value, dict):
        return {str(key): _marked(inner, folder) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(inner, folder) for inner in value]
    if isinstance(value, str):
        # Only what could be an expression: Ansible guesses the type of !unsafe text, and 0x0A is a number.
        is_plain = value in _OUR_EXPRESSIONS or not any(mark in value for mark in _JINJA_MARKS)
        return value if is_plain else _Unsafe(value)
    return value


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _sentence(settings: Settings, exc: OSError) -> str:
    where = f"{settings.jobs_folder} on {settings.host_name}"
    if exc.errno in _FULL:
        return (
            f"The disk is full: {where} has less than {MIN_FREE_MIB} MiB to write to. Make room there, then "
            "run the job again."
        )
    return (
        f"The private folder in {where} cannot be made: {exc.strerror}. Check SQLHOSTING_DATA_FOLDER, then "
        "run the job again."
    )
