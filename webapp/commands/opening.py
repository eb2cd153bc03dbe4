"""How commands get at the platform: settings and database, with errors that people can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from webapp.errors import PlatformError
from webapp.platform.operations import PlatformNotReady
from webapp.platform.ownership import own_data_folder
from webapp.platform.row_seals import older_sets
from webapp.runtime import Runtime, create_runtime
from webapp.sealing import SealingError
from webapp.settings import Settings, SettingsError, settings_from
from webapp.signed_rows import RESTORED


@contextmanager
def told() -> Iterator[None]:
    """Turn our own errors into one line and exit status 1."""
    try:
        yield
    except (SettingsError, SealingError, PlatformError) as exc:
        raise click.ClickException(str(exc)) from None


def open_settings() -> Settings:
    """The settings of this environment. Raises click's error that names what is wrong."""
    with told():
        return settings_from()


def open_worker_runtime() -> Runtime:
    """The same for what works in the data folder, which has to be this platform's."""
    runtime = open_runtime()
    with told():
        own_data_folder(runtime.settings, runtime.database)
        require_not_older(runtime)
    return runtime


def require_not_older(runtime: Runtime) -> None:
    """Raise PlatformNotReady when this machine has seen a newer version of what decides in the database."""
    with runtime.database.reading() as session:
        if older := older_sets(session):
            raise PlatformNotReady(f"{'; '.join(older)}. {RESTORED}")


def open_runtime(*, is_checked: bool = True) -> Runtime:
    """The runtime of this environment, closed with the command. Raises click's error that says what to do."""
    with told():
        runtime = create_runtime(settings_from(), is_checked=is_checked)
    click.get_current_context().call_on_close(runtime.database.dispose)
    return runtime
