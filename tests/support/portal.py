"""A portal for tests: the real application on a migrated database, users, logged-in clients, first rows."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from argon2 import PasswordHasher
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Dialect, Engine, event, make_url
from sqlalchemy.pool import QueuePool
from werkzeug.test import TestResponse

import webapp.database
from webapp.accounts.models import PortalRole, User, UserState
from webapp.app import create_app
from webapp.database import Database, create_database_engine
from webapp.platform.operations import upgrade
from webapp.pools.models import ElevatedAccount, Instance, Pool, PoolKind
from webapp.runtime import Runtime, create_runtime
from webapp.sealing import Box, use_box
from webapp.settings import Settings, settings_from
from webapp.signed_rows import sign
from webapp.web.extensions import limiter

KEY = Fernet.generate_key().decode("ascii")
SECRET_KEY = "a secret key for tests, long enough"
PASSWORD = "correct horse battery"
# As cheap as Argon2 goes: every log-in of a test verifies it.
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
NO_REDIS = "redis://127.0.0.1:1/0"

_ENDS_SESSION = ("/login", "/logout", "/account", "/users")  # what may end the session, and its token with it
_numbers = itertools.count(1)


def settings_for(database_url: str, **overrides: Any) -> Settings:
    """Settings for tests; nothing is read from the environment."""
    given = {
        "secret_key": SECRET_KEY,
        "encryption_keys": KEY,
        "database_url": database_url,
        "redis_url": NO_REDIS,
        "data_folder": Path(os.environ["SQLHOSTING_DATA_FOLDER"]),  # conftest's: tests of it set their own
        "login_rate": "1000 per minute",  # tests of the limit set their own
    }
    return settings_from({}, **{**given, **overrides})


def migrate(url: str) -> None:
    """Bring the database behind ``url`` to the newest migration."""
    use_box(Box([KEY]))
    database = Database(url)
    upgrade(database)
    database.dispose()


class Client:
    """A browser without scripts: keeps cookies, sends the CSRF token of the last page with every form."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._token: str | None = None  # good for the whole session

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET; redirects are not followed unless ``follow_redirects=True``."""
        return self.client.get(path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """POST a form with a valid CSRF token."""
        if self._token is None:
            self._token = self.csrf_token()
        answer = self.client.post(path, data={**(data or {}), "csrf_token": self._token}, **options)
        if path.startswith(_ENDS_SESSION):
            self._token = None
        return answer

    def csrf_token(self) -> str:
        """A token of this session, asked for anew."""
        page = self.client.get("/no-such-page").text  # every page has one
        found = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert found, page
        return found.group(1)


class _Applications:
    """Applications that tests have done with. They serve again: making one takes longer than most tests."""

    def __init__(self) -> None:
        self._idle: dict[str, list[Flask]] = {}
        self._marks: dict[int, str] = {}  # how each was when it was made

    def take(self, settings: Settings, runtime: Runtime, *, is_new: bool) -> Flask:
        """One for these settings, new or as good as that."""
        idle = self._idle.setdefault(self._kind(settings), [])
        if idle and not is_new:
            app = idle.pop()
            app.extensions["sqlhosting"] = runtime
            limiter.reset()
            return app
        app = create_app(settings, runtime=runtime, RATELIMIT_STORAGE_URI="memory://")
        app.testing = True
        self._marks[id(app)] = self._mark(app)
        return app

    def give_back(self, app: Flask, settings: Settings) -> None:
        """Keep it for another test, unless this one gave it routes, settings or functions of its own."""
        if self._marks.get(id(app)) == self._mark(app):
            self._idle[self._kind(settings)].append(app)
        else:
            self._marks.pop(id(app), None)

    def _kind(self, settings: Settings) -> str:
        hidden = (settings.redis_url, settings.secret_key, *settings.encryption_keys)  # a dump shows stars
        shown = settings.model_dump(exclude={"database_url", "data_folder"})
        return repr((sorted(shown.items()), [one.get_secret_value() for one in hidden]))

    def _mark(self, app: Flask) -> str:
        functions = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
        return repr((sorted(app.config.items()), len(app.view_functions), functions))


_applications = _Applications()


class _Engines:
    """Database engines that tests have done with. They serve again, for another database of the same kind.

    An engine keeps the SQL that SQLAlchemy has made of a query. With one for each test, making it anew took a
    third of what a test of a page takes.
    """

    def __init__(self) -> None:
        self._idle: dict[str, list[Engine]] = {}

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Databases that are opened meanwhile get one that has served, where there is one."""
        real = webapp.database.create_database_engine
        webapp.database.create_database_engine = self._take
        try:
            yield
        finally:
            webapp.database.create_database_engine = real

    def _take(self, url: str, **options: Any) -> Engine:
        idle = self._idle.setdefault(make_url(url).drivername, [])
        if options or not idle:
            engine = create_database_engine(url, **options)
            event.listen(engine, "do_connect", partial(self._connect_there, engine))
            return engine
        engine = idle.pop()
        engine.url = make_url(url)
        return engine

    def give_back(self, engine: Engine) -> None:
        """Keep an engine that has closed its connections."""
        self._idle.setdefault(engine.url.drivername, []).append(engine)

    def _connect_there(self, engine: Engine, _dialect: Dialect, _record: Any, given: Any, named: Any) -> None:
        """To the database that the engine is for now: it was made for another one."""
        arguments, options = engine.dialect.create_connect_args(engine.url)
        given[:] = arguments
        named.update(options)


_engines = _Engines()


class Portal:
    """The application under test and what tests do with it. ``is_new``: for tests that add routes to it."""

    def __init__(self, settings: Settings, *, is_new: bool = False) -> None:
        self.settings = settings
        with _engines.serving():
            self.runtime: Runtime = create_runtime(settings)
        self.app: Flask = _applications.take(settings, self.runtime, is_new=is_new)

    @property
    def database(self) -> Database:
        """The platform database."""
        return self.runtime.database

    def close(self) -> None:
        """Close all connections. Raises AssertionError when something still uses one."""
        pool = cast(QueuePool, self.database.engine.pool)
        self.database.dispose()
        assert pool.checkedout() == 0, "a thread or a session of this test still holds a connection"
        _engines.give_back(self.database.engine)
        _applications.give_back(self.app, self.settings)

    def client(self, user: User | None = None) -> Client:
        """A client, logged in as ``user`` through the log-in page."""
        client = Client(self.app.test_client())
        if user is not None:
            answer = client.post("/login", {"email": user.email, "password": PASSWORD})
            assert answer.status_code == 302, answer.text
        return client

    def create_user(self, role: PortalRole = PortalRole.CUSTOMER, **columns: Any) -> User:
        """An active user whose password is :data:`PASSWORD`."""
        number = next(_numbers)
        user = User(
            email=f"{role.value}{number}@example.com",
            name=f"{role.value.capitalize()} {number}",
            password_hash=PASSWORD_HASH,
            role=role,
        )
        user.state = UserState.ACTIVE
        return self._add(user, columns)

    def create_account(self, **columns: Any) -> ElevatedAccount:
        """An elevated account."""
        account = ElevatedAccount(
            name=f"account {next(_numbers)}", login_user="platform", login_password="Plat-form-1!"
        )
        return self._add(account, columns)

    def create_pool(self, **columns: Any) -> Pool:
        """A stand-alone pool with an account."""
        if "elevated_account_id" not in columns:
            columns["elevated_account_id"] = self.create_account().id
        return self._add(Pool(name=f"pool_{next(_numbers)}", kind=PoolKind.STANDALONE), columns)

    def create_instance(self, pool: Pool | None = None, **columns: Any) -> Instance:
        """An instance that nobody has looked at."""
        pool = pool or self.create_pool()
        number = next(_numbers)
        instance = Instance(
            pool_id=pool.id, name=f"sql{number}", host="127.0.0.1", port=1433, customer_host="127.0.0.1",
            customer_port=1433, trust_server_certificate=True,
        )  # fmt: skip
        return self._add(instance, columns)

    def change(self, row: Any, **columns: Any) -> Any:
        """Change a signed row as the platform does; what an UPDATE changes no longer counts."""
        with self.database.transaction() as session:
            found = session.get_one(type(row), row.id)
            for name, value in columns.items():
                setattr(found, name, value)
            sign(session, found)
        return found

    def _add(self, row: Any, columns: dict[str, Any]) -> Any:
        for name, value in columns.items():
            setattr(row, name, value)
        with self.database.transaction() as session:
            session.add(row)
            sign(session, row)
        return row
