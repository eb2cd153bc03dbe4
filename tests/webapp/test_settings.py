"""Settings: what is wrong is named with its remedy, secrets are never in a text, each one is documented."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from webapp.settings import PREFIX, SECRETS, Settings, SettingsError, settings_from

ROOT = Path(__file__).resolve().parents[2]
KEY = urlsafe_b64encode(b"k" * 32).decode("ascii")  # fixed: it stands in tests' names
GOOD = {"SQLHOSTING_SECRET_KEY": "s" * 32, "SQLHOSTING_ENCRYPTION_KEYS": KEY}

WRONG = [
    ("SECRET_KEY", "too-short-secret", "sqlhosting key generate"),
    ("ENCRYPTION_KEYS", "not-a-fernet-key", "sqlhosting key generate"),
    ("ENCRYPTION_KEYS", f"{KEY},broken-second-key", "key 2 is not a Fernet key"),
    ("ENCRYPTION_KEYS", " , ", "no key is given"),
    ("DATABASE_URL", "no-url-at-all-SECRET", "not a database URL"),
    ("DATABASE_URL", "mysql://user:SECRET-word@host/db", "sqlite, postgresql, mssql"),
    ("DATABASE_URL", "postgresql+psycopg://user:SECRET@SECRET-word@host/db", "more than one @; in names and"),
    ("DATABASE_URL", "postgresql+psycopg://user:x@SECRET-word/y@host/db", "write @ as %40"),
    ("DATABASE_URL", "postgresql+psycopg://user:x@y:SECRET-word@host/db", "write @ as %40"),
    ("DATABASE_URL", "mssql+pyodbc://user:SECRET-word@@host/db?driver=x@y", "more than one @"),
    ("REDIS_URL", "redis://:SECRET-word/x@host:6379/0", "/ as %2F"),
    ("REDIS_URL", "http://user:SECRET-word@host", "redis://, rediss://, unix://"),
    ("PORTAL_THREADS", "3", "greater than or equal to 4"),
    ("PORTAL_THREADS", "many", "valid integer"),
    ("IS_BEHIND_PROXY", "perhaps", "valid boolean"),
    ("SESSION_HOURS", "0", "greater than or equal to 1"),
    ("LISTEN", "999", "write it as in 127.0.0.1:8080"),
    ("LISTEN", "127.0.0.1:99999", "write it as in 127.0.0.1:8080"),
    ("LOGIN_RATE", "often", "write it as in '10 per minute'"),
    ("ACCOUNT_RATE", "20 per week of", "write it as in '10 per minute'"),
    ("QUEUE", "two words", "match pattern"),
    ("LEASE_S", "1", "greater than or equal to 2"),
    ("HEARTBEAT_S", "16", "more than half of lease_s (30)"),
    ("DISPATCH_INTERVAL_S", "0", "greater than or equal to 0.1"),
    ("JOB_TIMEOUT_S", "-5", "greater than or equal to 10"),
    ("JOB_ATTEMPTS", "11", "less than or equal to 10"),
    ("FORKS", "x", "valid integer"),
    ("DASHBOARD", "x", "valid boolean"),
]


@pytest.mark.parametrize(("name", "value", "problem"), WRONG)
def test_a_wrong_value_names_its_variable_and_the_remedy_but_no_secret(
    name: str, value: str, problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({**GOOD, f"{PREFIX}{name}": value})
    text = str(caught.value)
    assert text.startswith(f"{PREFIX}{name}: ")
    assert problem in text
    if name.lower() in SECRETS:
        assert value.strip(" ,") == "" or value not in text
        assert "SECRET-word" not in text
        assert KEY not in text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__  # the traceback would show pydantic's copy of the values


def test_an_escaped_at_sign_and_one_in_a_path_are_right() -> None:
    for url in ("postgresql+psycopg://user:a%40b@host/db?application_name=a@b", "sqlite:////srv/a@b/c@d.db"):
        settings = settings_from({**GOOD, "SQLHOSTING_DATABASE_URL": url})
        assert settings.database_url.get_secret_value() == url


def test_what_is_missing_is_named_all_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({})
    assert str(caught.value).splitlines() == [
        "SQLHOSTING_SECRET_KEY (or SQLHOSTING_SECRET_KEY_FILE) is not set; "
        "make one with 'sqlhosting key generate'",
        "SQLHOSTING_ENCRYPTION_KEYS (or SQLHOSTING_ENCRYPTION_KEYS_FILE) is not set; "
        "make one with 'sqlhosting key generate'",
    ]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_can_come_from_a_file(name: str, tmp_path: Path) -> None:
    values = {
        "secret_key": "f" * 40,
        "encryption_keys": f"{KEY},{Fernet.generate_key().decode()}",
        "database_url": "postgresql+psycopg://user:word@host/db",
        "redis_url": "rediss://:word@host/1",
    }
    file = tmp_path / "secret"
    file.write_text(f"{values[name]}\n", encoding="utf-8")
    environment = {key: value for key, value in GOOD.items() if key != f"{PREFIX}{name.upper()}"}
    settings = settings_from({**environment, f"{PREFIX}{name.upper()}_FILE": str(file)})
    found = getattr(settings, name)
    if name == "encryption_keys":
        assert ",".join(key.get_secret_value() for key in found) == values[name]
    else:
        assert found.get_secret_value() == values[name]
    assert values[name] not in repr(settings)

    with pytest.raises(SettingsError, match=f"{PREFIX}{name.upper()}_FILE: .*missing cannot be read"):
        settings_from({**environment, f"{PREFIX}{name.upper()}_FILE": str(tmp_path / "missing")})


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = settings_from(GOOD)
    with pytest.raises(Exception, match="frozen"):
        settings.forks = 3  # type: ignore[misc]


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(SQLHOSTING_[A-Z_]+)` \| (.*?) \| (.*?) \|$", _page(), flags=re.MULTILINE)
    documented = {name: (default, text) for name, default, text in rows}
    assert set(documented) == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default, text = documented[f"{PREFIX}{name.upper()}"]
        assert field.description
        assert text.startswith(field.description), name
        if isinstance(field.default, bool):
            assert default == ("`true`" if field.default else "`false`"), name
        elif isinstance(field.default, int | float | str):
            assert default == f"`{field.default}`", name


def _page() -> str:
    return (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", ["0.0.0.0:8080", "[::1]:8443", "portal.example.com:80", "unix:/run/portal"])
def test_the_portal_listens_on_an_address_with_a_port_or_on_a_socket(value: str) -> None:
    assert settings_from({**GOOD, f"{PREFIX}LISTEN": value}).listen == value


def test_a_secret_file_that_is_no_text_is_named_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe\x00secret")
    environment = {key: value for key, value in GOOD.items() if key != f"{PREFIX}SECRET_KEY"}
    with pytest.raises(SettingsError, match=r"SECRET_KEY_FILE: .* is no text in UTF-8") as caught:
        settings_from({**environment, f"{PREFIX}SECRET_KEY_FILE": str(file)})
    assert caught.value.__suppress_context__
