"""``sqlhosting portal``: serve the web pages."""

from __future__ import annotations

import click
from gunicorn.app.base import BaseApplication

from webapp.app import create_app
from webapp.commands.opening import open_settings, require_not_older, told
from webapp.settings import Settings


class _Server(BaseApplication):
    """Gunicorn with our settings: one process, threads, since live pages hold a thread each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Gunicorn asks for its configuration."""
        for name, value in {
            "bind": self._settings.listen,
            "worker_class": "gthread",
            "workers": 1,
            "threads": self._settings.portal_threads,
            "timeout": 120,
            "graceful_timeout": 3,
            "proc_name": "sqlhosting-portal",
            "errorlog": "-",
            "control_socket_disable": True,
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> object:
        """Gunicorn asks for the application, in the process that serves."""
        return create_app(self._settings)


@click.command("portal")
def portal() -> None:
    """Serve the portal on SQLHOSTING_LISTEN."""
    settings = open_settings()
    with told():
        runtime = create_app(settings).extensions["sqlhosting"]  # a clear error now beats a crash loop
        require_not_older(runtime)
        runtime.database.dispose()
    _Server(settings).run()
