# ruff: noqa: E501 - a text and what is left of it, side by side
"""Passwords never reach the trace, whatever the text looks like."""

from __future__ import annotations

import pytest

from simulator.server.masking import mask_secrets

SECRET = "Pl4nted!Secret"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            f"CREATE LOGIN [a] WITH PASSWORD = N'{SECRET}', CHECK_POLICY = OFF",
            "CREATE LOGIN [a] WITH PASSWORD = N'******', CHECK_POLICY = OFF",
        ),
        (
            f"ALTER LOGIN a WITH PASSWORD='{SECRET}' OLD_PASSWORD = '{SECRET}2'",
            "ALTER LOGIN a WITH PASSWORD='******' OLD_PASSWORD = '******'",
        ),
        (
            "CREATE LOGIN a WITH PASSWORD = 0x0200AB HASHED, SID = 0x0102",
            "CREATE LOGIN a WITH PASSWORD = 0x****** HASHED, SID = 0x0102",
        ),
        (
            f"SELECT PWDCOMPARE(N'{SECRET}', 0x0200AB), N'kept' FROM sys.sql_logins WHERE name = N'x'",
            "SELECT PWDCOMPARE(N'******', 0x******), N'kept' FROM sys.sql_logins WHERE name = N'x'",
        ),
        (f"SELECT PWDENCRYPT('{SECRET}')", "SELECT PWDENCRYPT('******')"),
        (f"OPEN MASTER KEY DECRYPTION BY PASSWORD = '{SECRET}'", "OPEN MASTER KEY DECRYPTION BY PASSWORD = '******'"),
        (f"CREATE CREDENTIAL c WITH IDENTITY = 'i', SECRET = '{SECRET}'", "CREATE CREDENTIAL c WITH IDENTITY = 'i', SECRET = '******'"),
        (f"EXEC sp_password '{SECRET}', N'{SECRET}', 'app'; SELECT 'kept'", "EXEC sp_password '******', N'******', '******'; SELECT 'kept'"),
        (f"EXEC sp_addlogin @loginame = 'a', @passwd = '{SECRET}'", "EXEC sp_addlogin @loginame = '******', @passwd = '******'"),
        (
            f"DECLARE @password nvarchar(128) = N'{SECRET}'; SELECT N'kept'",
            "DECLARE @password nvarchar(128) = N'******'; SELECT N'kept'",
        ),
        (
            f"EXEC(N'ALTER LOGIN a WITH PASSWORD = N''{SECRET}''')",
            "EXEC(N'ALTER LOGIN a WITH PASSWORD = N''******''')",
        ),
        (
            f"SET @s = N'ALTER LOGIN a WITH PASSWORD = N''' + N'{SECRET}' + N''', CHECK_POLICY = OFF'",
            "SET @s = N'ALTER LOGIN a WITH PASSWORD = N''' + N'******' + N'******'",
        ),
    ],
)  # fmt: skip
def test_a_password_is_masked_and_the_rest_of_the_text_is_kept(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        f"CREATE LOGIN a WITH PASSWORD = '{SECRET}",
        f"CREATE LOGIN a WITH PASSWORD /* it's */ = -- here\n N'{SECRET}'",
        f"CREATE LOGIN [it's] WITH PASSWORD = '{SECRET}'",
        f"create login a with password='doubled''{SECRET}'",
        f'CREATE LOGIN a WITH PASSWORD = "{SECRET}"',
        f"CREATE LOGIN a WITH PASSWORD = N'{SECRET}' SELCT 1 ' ) ] \"",
        f"EXEC('EXEC(''ALTER LOGIN a WITH PASSWORD = ''''{SECRET}'''''')')",
        f"SELECT EncryptByPassPhrase('{SECRET}', 'x')",
        f"ALTER LOGIN a WITH PASSWORD = N'x\n{SECRET}\n'",
        f"CREATE LOGIN \u00fc WITH PASSWORD\u00a0= N'\u20ac{SECRET}\U0001f600'",
        f"ALTER LOGIN a WITH [PASSWORD] = N'{SECRET}'",
    ],
)
def test_no_part_of_a_password_is_left_even_where_the_text_is_broken(text: str) -> None:
    assert SECRET not in mask_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT N'it''s' AS [a]",
        "SELECT name, password_hash FROM sys.sql_logins WHERE name = N'kept'",
        "SELECT PWDCOMPARE(@P1, password_hash) FROM sys.sql_logins WHERE name = N'kept' AND x = 0x01",
        "SELECT LOGINPROPERTY(N'app', 'PasswordLastSetTime')",
        "ALTER LOGIN [passport] WITH DEFAULT_DATABASE = [pwd], CHECK_POLICY = OFF; PRINT N'kept'",
        "-- the password is 'x'\nSELECT 1",
    ],
)
def test_a_text_without_a_password_is_kept_as_it_is(text: str) -> None:
    assert mask_secrets(text) == text
