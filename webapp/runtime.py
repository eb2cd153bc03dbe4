"""Makes what every process of the platform needs: settings, database, keys, what the rooms bring."""

from __future__ import annotations

from webapp.audit.operations import MEMORY
from webapp.bookings.items import use_item_kinds
from webapp.bookings.kinds.registry import use_request_kinds
from webapp.database import Database
from webapp.jobs.doorbell import install
from webapp.jobs.nudges import Nudges
from webapp.jobs.runtime import Runtime, use_opener
from webapp.jobs.subjects import use_subject_kinds
from webapp.platform.operations import check_platform
from webapp.platform.ownership import audit_memory, heads_memory
from webapp.pools.holders import use_holders
from webapp.registry import holders, item_kinds, job_templates, request_kinds, subject_kinds
from webapp.sealed_heads import HEADS_MEMORY
from webapp.sealing import Box, use_box
from webapp.settings import Settings


def create_runtime(settings: Settings, *, is_checked: bool = True) -> Runtime:
    """Open the database and take the keys into use.

    ``is_checked``: make sure that the schema is the newest and that the keys open what is sealed. Raises
    :class:`webapp.platform.operations.PlatformNotReady` that says what to do.
    """
    use_box(Box([key.get_secret_value() for key in settings.encryption_keys]))
    use_holders(holders())
    use_subject_kinds(subject_kinds())
    use_item_kinds(item_kinds())
    use_request_kinds(request_kinds())
    use_opener(create_runtime)
    database = Database(settings.database_url.get_secret_value())
    try:
        if is_checked:
            platform_id = check_platform(database)
            memories = {
                MEMORY: audit_memory(settings, platform_id),
                HEADS_MEMORY: heads_memory(settings, platform_id),
            }
            database.configure_sessions(memories, {})
    except BaseException:
        database.dispose()  # nobody gets it, so nobody else could
        raise
    templates = {template.name: template for template in job_templates()}
    runtime = Runtime(settings, database, templates, Nudges(settings))
    install(runtime)
    return runtime
