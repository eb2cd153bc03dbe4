"""What every process of the platform needs: settings, database, keys, and the job templates of all rooms."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.database import Database
from webapp.jobs.doorbell import install
from webapp.jobs.nudges import Nudges
from webapp.jobs.templates import JobTemplate
from webapp.platform.operations import check_platform
from webapp.registry import job_templates
from webapp.sealing import Box, use_box
from webapp.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """One for each process."""

    settings: Settings
    database: Database
    templates: dict[str, JobTemplate]
    nudges: Nudges


def create_runtime(settings: Settings, *, is_checked: bool = True) -> Runtime:
    """Open the database and take the keys into use.

    ``is_checked``: make sure that the schema is the newest and that the keys open what is sealed. Raises
    :class:`webapp.platform.operations.PlatformNotReady` that says what to do.
    """
    use_box(Box([key.get_secret_value() for key in settings.encryption_keys]))
    database = Database(settings.database_url.get_secret_value())
    try:
        if is_checked:
            check_platform(database)
    except BaseException:
        database.dispose()  # nobody gets it, so nobody else could
        raise
    templates = {template.name: template for template in job_templates()}
    runtime = Runtime(settings, database, templates, Nudges(settings))
    install(runtime)
    return runtime
