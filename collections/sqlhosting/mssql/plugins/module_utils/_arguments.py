# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that every module shares, and one way to validate options in both ways of running."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput

CONNECTION_SPEC = {
    "login_host": {"type": "str", "default": "localhost"},
    "login_port": {"type": "int"},
    "login_instance": {"type": "str"},
    "login_user": {"type": "str"},
    "login_password": {"type": "str", "no_log": True},
    "login_database": {"type": "str", "default": "master"},
    "authentication": {
        "type": "str",
        "choices": ["sql", "windows", "entra_msi", "entra_service_principal"],
        "default": "sql",
    },
    "encrypt": {"type": "str", "choices": ["yes", "strict", "no"], "default": "yes"},
    "trust_server_certificate": {"type": "bool", "default": False},
    "odbc_driver": {"type": "str"},
    "login_timeout": {"type": "int", "default": 15},
    "query_timeout": {"type": "int", "default": 0},
    "application_intent": {"type": "str", "choices": ["read_write", "read_only"], "default": "read_write"},
}
# Rules of AnsibleModule that ArgumentSpecValidator takes under the same names.
RULES = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")


def full_spec(argument_spec: dict) -> dict:
    """The module's own options and the connection's."""
    return dict(CONNECTION_SPEC, **argument_spec)


def validate(argument_spec: dict, rules: dict, raw: dict) -> tuple[dict, set]:
    """(validated options, secret values). Raises :class:`InvalidInput` with the secrets taken out."""
    validator = ArgumentSpecValidator(argument_spec, **{rule: rules[rule] for rule in RULES if rule in rules})
    result = validator.validate(raw)
    secrets = {value for value in result._no_log_values if value}
    if result.errors.errors:
        problem = "; ".join(
            f"unknown option {error.msg}" if isinstance(error, UnsupportedError) else str(error.msg)
            for error in result.errors.errors
        )
        raise InvalidInput(field="options", problem=remove_values(problem, secrets))
    return result.validated_parameters, secrets
