"""Run ansible-playbook through ansible-runner. The only file that imports ansible_runner.

Facts about ansible-runner 2.4 that shape it: the settings argument is dropped unless ``env/settings`` exists
(the private folder has it); its event handler must be fast and never raise, or good runs die; its artifacts
hold the whole environment in clear, so no secret may be there; results above MAX_EVENT_RES come back empty.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_runner.config.runner import RunnerConfig
from ansible_runner.runner import Runner

from webapp.jobs.private_folder import PrivateFolder
from webapp.jobs.processes import JOURNAL_VARIABLE
from webapp.jobs.templates import Launch
from webapp.settings import Settings

MAX_EVENT_RES = 20_000_000  # characters of a result that are kept; ansible-runner's own limit is 700,000
_PASSED_ON = frozenset(
    ("HOME", "LANG", "LD_LIBRARY_PATH", "LOGNAME", "ODBCINI", "ODBCINSTINI", "ODBCSYSINI", "PATH",
     "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ", "USER", "VIRTUAL_ENV")
)  # fmt: skip
_PASSED_ON_PREFIXES = ("LC_", "KRB5")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How ansible-playbook ended. ``return_code`` is None when a signal killed it, or it cannot be known."""

    return_code: int | None
    is_canceled: bool = False
    is_timed_out: bool = False


def run_playbook(
    settings: Settings,
    folder: PrivateFolder,
    launch: Launch,
    *,
    job_id: str,
    on_event: Callable[[dict[str, Any]], None],
    is_canceled: Callable[[], bool],
) -> Outcome:
    """Run the playbook in its own session until it ends. ``on_event`` may only put the event aside.

    ``is_canceled`` is asked several times a second; then the session is killed.
    """

    def put_aside(event: dict[str, Any]) -> bool:
        try:
            on_event(event)
        except Exception as exc:  # would end a good run
            _log.error("event_not_taken job_id=%s error=%s", job_id, type(exc).__name__)
        return True  # keep the file until the event is stored

    config = RunnerConfig(
        private_data_dir=str(folder.path),
        artifact_dir=str(folder.path / "artifacts"),
        ident="run",
        project_dir=str(settings.project_folder),
        playbook=launch.playbook,
        inventory=str(folder.inventory),
        cmdline="--check" if launch.check_mode else None,
        forks=settings.forks,
        quiet=True,
    )
    config.prepare()
    config.env = _environment(config.env, settings, folder, launch, job_id)
    runner = Runner(config, event_handler=put_aside, cancel_callback=is_canceled)
    try:
        runner.run()
    except Exception as exc:  # pexpect's, when a killed playbook leaves its terminal open to others
        _log.warning("runner_failed job_id=%s error=%s", job_id, type(exc).__name__)
        return Outcome(None, is_canceled=bool(runner.canceled), is_timed_out=bool(runner.timed_out))
    code = runner.rc
    return Outcome(
        code if isinstance(code, int) and not (runner.canceled or runner.timed_out) else None,
        is_canceled=bool(runner.canceled),
        is_timed_out=bool(runner.timed_out),
    )


def _environment(
    runners: dict[str, str], settings: Settings, folder: PrivateFolder, launch: Launch, job_id: str
) -> dict[str, str]:
    """What ansible-playbook gets: nothing of this process's but a few names, so none of its secrets."""
    found = {
        key: value
        for key, value in os.environ.items()
        if key in _PASSED_ON or key.startswith(_PASSED_ON_PREFIXES)
    }
    own = ("AWX_ISOLATED_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS")
    ansible = ("ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_RETRY_FILES_ENABLED")
    found |= {key: runners[key] for key in (*own, *ansible) if key in runners}
    found |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{found.get('PATH', os.defpath)}",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_CONFIG": str(settings.project_folder / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(folder.path / "tmp"),
        "ANSIBLE_FORCE_COLOR": "True",
        # The inventory is the file in the folder: what reads other kinds need not be loaded.
        "ANSIBLE_INVENTORY_ENABLED": "yaml",
        "MAX_EVENT_RES": str(MAX_EVENT_RES),
        JOURNAL_VARIABLE: str(folder.journal),
        "SQLHOSTING_RUN": job_id,
        "SQLHOSTING_LEASE": str(folder.lease),
    }
    if launch.approved_plan is not None:
        found["SQLHOSTING_APPROVED_PLAN"] = str(folder.plan)
    return found
