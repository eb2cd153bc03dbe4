"""All settings of portal, worker and dispatcher: one typed object, built from the environment and validated.

Each is read from ``SQLHOSTING_<NAME>``; secrets also from the file that ``SQLHOSTING_<NAME>_FILE`` names.
docs/settings.md explains every one of them (a test compares).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cryptography.fernet import Fernet
from limits import parse_many
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from redis.connection import parse_url
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "SQLHOSTING_"
ROOT = Path(__file__).resolve().parents[1]
SECRETS = ("secret_key", "encryption_keys", "database_url", "redis_url")
DIALECTS = ("sqlite", "postgresql", "mssql")
_ESCAPED = "in names and passwords write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F and % as %25"


class SettingsError(Exception):
    """A setting is missing or wrong. The text names it, says what is wrong with it and what to do."""


class Settings(BaseSettings):
    """Validated once at start, read-only afterwards."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    secret_key: SecretStr = Field(description="Signs the portal's session cookies; 32 characters or more.")
    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        description="Fernet keys that seal passwords in the platform database: the first seals, all open."
    )
    database_url: SecretStr = Field(
        default=SecretStr(f"sqlite:///{ROOT}/.sqlhosting/platform.db"),
        description="The platform database: sqlite:///PATH, postgresql+psycopg://… or mssql+pyodbc://…",
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), description="The Redis that carries the ids of jobs."
    )
    data_folder: Path = Field(
        default=ROOT / ".sqlhosting", description="Where workers keep the private folders of running jobs."
    )
    journal_days: int = Field(
        default=7, ge=0, le=3650, description="How long workers keep the journals of runs, in days."
    )
    project_folder: Path = Field(
        default=ROOT, description="Where playbooks, roles, collections and ansible.cfg are."
    )
    public_url: str = Field(
        default="http://127.0.0.1:8080", description="The portal's address as people type it, without a path."
    )
    listen: str = Field(
        default="127.0.0.1:8080", description="The address and port that the portal listens on."
    )
    portal_threads: int = Field(
        default=32, ge=4, le=1000, description="Requests that the portal serves at once."
    )
    is_behind_proxy: bool = Field(
        default=False, description="Whether one proxy in front of the portal sets X-Forwarded-For and -Proto."
    )
    session_hours: int = Field(default=12, ge=1, le=720, description="How long a log-in lasts, in hours.")
    login_rate: str = Field(
        default="10 per minute", description="How often one address may try to log in or to register."
    )
    account_rate: str = Field(
        default="20 per hour",
        description="How many wrong passwords one account takes, from whatever addresses they come.",
    )
    host_name: str = Field(
        default_factory=socket.gethostname, description="This machine's name among the workers."
    )
    queue: str = Field(
        default="sqlhosting", pattern=r"^[A-Za-z0-9_-]{1,50}$", description="The queue's name in Redis."
    )
    lease_s: float = Field(
        default=30, ge=2, le=3600, description="How long a worker holds a job without renewing, in seconds."
    )
    heartbeat_s: float = Field(
        default=5, ge=0.2, le=600, description="How often a worker renews, in seconds."
    )
    dispatch_interval_s: float = Field(
        default=1, ge=0.1, le=60, description="How often the dispatcher looks for work, in seconds."
    )
    job_timeout_s: int = Field(
        default=3600, ge=10, le=86400, description="After which a job is ended, in seconds."
    )
    job_attempts: int = Field(
        default=3, ge=1, le=10, description="How often a job is begun when its worker dies, in all."
    )
    forks: int = Field(default=20, ge=1, le=500, description="Instances that one playbook talks to at once.")
    dashboard: bool = Field(
        default=True, description="Whether operators find the RQ dashboard under /ops/rq."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what :func:`settings_from` hands over: nothing reads the environment behind its back."""
        return (init_settings,)

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            tuple(key.strip() for key in value.split(",") if key.strip()) if isinstance(value, str) else value
        )

    @field_validator("listen")
    @classmethod
    def _check_listen(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value.startswith("unix:/") or (host and port.isascii() and port.isdigit() and int(port) < 65536):
            return value
        raise ValueError(f"{value!r} is no address with a port; write it as in 127.0.0.1:8080 or [::1]:8080")

    @field_validator("login_rate", "account_rate")
    @classmethod
    def _check_rate(cls, value: str) -> str:
        try:
            parse_many(value)
        except ValueError:
            raise ValueError(f"{value!r} is no rate; write it as in '10 per minute'") from None
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _are_fernet_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not value:
            raise ValueError("no key is given; make one with 'sqlhosting key generate'")
        for position, key in enumerate(value, start=1):
            try:
                Fernet(key.get_secret_value())
            except ValueError:
                raise ValueError(
                    f"key {position} is not a Fernet key (32 bytes in URL-safe base64); "
                    "make one with 'sqlhosting key generate'"
                ) from None
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("it is shorter than 32 characters; make one with 'sqlhosting key generate'")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):  # the latter quotes what may be a part of the password
            raise ValueError(f"it is not a database URL; {_ESCAPED}") from None
        if url.get_backend_name() != "sqlite" and text.partition("?")[0].count("@") > 1:
            raise ValueError(f"it has more than one @; {_ESCAPED}")
        if url.get_backend_name() not in DIALECTS:
            raise ValueError(f"{url.get_backend_name()} is not one of {', '.join(DIALECTS)}")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it begins with none of redis://, rediss://, unix://")
        try:
            parse_url(value.get_secret_value())
        except ValueError:  # it quotes what may be a part of the password
            raise ValueError(f"it is not a Redis URL; {_ESCAPED}") from None
        return value

    @field_validator("heartbeat_s")
    @classmethod
    def _is_shorter_than_lease(cls, value: float, info: Any) -> float:
        lease_s = info.data.get("lease_s")
        if lease_s is not None and value * 2 > lease_s:
            raise ValueError(f"it is more than half of lease_s ({lease_s:g}): leases would run out by chance")
        return value

    @property
    def jobs_folder(self) -> Path:
        """Where running jobs have their private folders."""
        return self.data_folder / "jobs"

    @property
    def journals_folder(self) -> Path:
        """Where the journals of attempts that are over are kept."""
        return self.data_folder / "journals"

    @property
    def has_secure_cookies(self) -> bool:
        """Whether cookies travel over TLS only."""
        return self.public_url.startswith("https://")


def settings_from(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """The settings that ``environment`` (the process's own when omitted) and ``overrides`` give.

    Raises :class:`SettingsError` that names every wrong setting; values of secrets are not in its text.
    """
    environment = os.environ if environment is None else environment
    given: dict[str, Any] = {}
    for name in Settings.model_fields:
        variable = f"{PREFIX}{name.upper()}"
        if value := environment.get(variable):
            given[name] = value
        elif name in SECRETS and (file := environment.get(f"{variable}_FILE")):
            try:
                given[name] = Path(file).read_text(encoding="utf-8").strip()
            except OSError as exc:
                raise SettingsError(f"{variable}_FILE: {file} cannot be read: {exc.strerror}") from None
            except UnicodeDecodeError:
                raise SettingsError(f"{variable}_FILE: {file} is no text in UTF-8") from None
    try:
        return Settings(**{**given, **overrides})
    except ValidationError as exc:
        raise SettingsError(
            "\n".join(_sentence(error) for error in exc.errors(include_input=False))
        ) from None


def _sentence(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else "settings"
    variable = f"{PREFIX}{name.upper()}"
    if error["type"] == "missing":
        hint = (
            "; make one with 'sqlhosting key generate'" if name in ("secret_key", "encryption_keys") else ""
        )
        also = f" (or {variable}_FILE)" if name in SECRETS else ""
        return f"{variable}{also} is not set{hint}"
    return f"{variable}: {error['msg'].removeprefix('Value error, ')}"
