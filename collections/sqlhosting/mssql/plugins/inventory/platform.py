# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: platform
short_description: The pools and instances of the SQL hosting platform
version_added: 0.2.0
author:
  - The sqlhosting project (@sqlhosting)
description:
  - Asks the platform for its pools and instances, over its API with a token. A pool becomes a group, an
    instance a host with the variables that the playbooks of the platform need.
  - Passwords come with a token that may see secrets, and only with such a token.
  - What the platform answers is data. Jinja2 templates in it are not evaluated, and variables that steer
    Ansible itself (C(ansible_…)) are refused.
  - There is no cache, because it would keep passwords on the disk.
options:
  plugin:
    description: Marks a file as the configuration of this plugin.
    type: str
    required: true
    choices: [sqlhosting.mssql.platform]
  url:
    description: Where the platform is, for instance V(https://sql.example.com). Without C(/api/v1).
    type: str
    required: true
    env:
      - name: SQLHOSTING_URL
  token:
    description:
      - An API token. Give it in the environment or in O(token_file) rather than here.
      - Goes before O(token_file).
    type: str
    env:
      - name: SQLHOSTING_TOKEN
  token_file:
    description: A file with nothing but the token, readable by its owner only.
    type: path
    env:
      - name: SQLHOSTING_TOKEN_FILE
  validate_certs:
    description: Whether the platform's certificate is checked.
    type: bool
    default: true
  ca_path:
    description: A file with the certificates of authorities to trust; those of the system when omitted.
    type: path
  timeout_s:
    description: How long to wait for the platform, in seconds.
    type: int
    default: 30
notes:
  - C(ansible-inventory --list) shows what the token may see, passwords included.
"""

EXAMPLES = r"""
# platform.yml, or any name that ends in .platform.yml. With SQLHOSTING_TOKEN in the environment:
plugin: sqlhosting.mssql.platform
url: https://sql.example.com
---
# The token in a file, and a certificate of an authority of one's own:
plugin: sqlhosting.mssql.platform
url: https://sql.example.com
token_file: /etc/sqlhosting/inventory.token
ca_path: /etc/ssl/certs/our-authority.pem
"""

import json
import os
import re
import ssl
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from ansible.errors import AnsibleParserError
from ansible.module_utils.urls import ConnectionError as UrlConnectionError
from ansible.module_utils.urls import SSLValidationError, open_url
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.template import trust_as_template

PATH = "/api/v1/inventory"
VERSION = 1
LARGEST_BYTES = 64 * 1024 * 1024  # some kilobytes an instance are usual; more is no inventory
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The modules are database clients: they run in ansible-playbook's own process.
OURS = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
NOT_POOLS = ("all", "ungrouped", "localhost")
HERE = ("localhost", "127.0.0.1", "::1")
ENDINGS = ("platform.yml", "platform.yaml")
REMEDIES = {
    401: "The token is not valid or has expired: make a new one (SQLHOSTING_TOKEN, token_file).",
    403: "The token may not read the inventory: make one with that scope, as an admin or operator.",
    404: "There is no such address: url must be that of the platform, without /api/v1.",
    429: "The platform was asked too often: wait a minute.",
}


class PlatformError(Exception):
    """What the platform answered cannot be used; the text says why and what to do, and holds no secret."""


class InventoryModule(BaseInventoryPlugin):
    """The inventory source ``sqlhosting.mssql.platform``."""

    NAME = "sqlhosting.mssql.platform"

    def verify_file(self, path: str) -> bool:
        """Files called ``platform.yml`` or ``….platform.yml``."""
        name = os.path.basename(path)
        return super().verify_file(path) and any(
            name == ending or name.endswith(f".{ending}") for ending in ENDINGS
        )

    def parse(self, inventory: object, loader: object, path: str, cache: bool = True) -> None:
        """Ask the platform and fill the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        url = str(self.get_option("url")).rstrip("/")
        try:
            parts = urlsplit(url)
            _check_url(url, parts)
            if parts.scheme == "http" and parts.hostname not in HERE:
                self.display.warning(f"{url} is not encrypted: the token crosses the network in clear.")
            for pool in pools_of(self._ask(url, self._token(path))):
                self._add(pool)
        except PlatformError as exc:
            raise AnsibleParserError(f"{path}: {exc}") from None

    def _token(self, path: str) -> str:
        """The token from the environment, the configuration or a file beside it."""
        token = str(self.get_option("token") or "").strip()
        file = self.get_option("token_file")
        if not token and file:
            file = os.path.join(os.path.dirname(os.path.abspath(path)), os.path.expanduser(file))
            try:
                with open(file, encoding="ascii") as opened:
                    token = opened.read().strip()
            except (OSError, UnicodeDecodeError) as exc:
                why = exc.strerror if isinstance(exc, OSError) else "it does not hold a token"
                raise PlatformError(
                    f"token_file {file}: {why}. Put the token there, for its reader only."
                ) from None
        if not token:
            raise PlatformError(
                "There is no token. Make one in the portal, for SQLHOSTING_TOKEN or token_file."
            )
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise PlatformError(
                "The token holds characters that no token has. Copy it again, whole and alone."
            )
        return token

    def _ask(self, url: str, token: str) -> bytes:
        """The body of the platform's answer. A redirection is not followed: the token is for this address."""
        timeout_s = self.get_option("timeout_s")
        try:
            answer = open_url(
                url + PATH,
                headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
                timeout=timeout_s,
                validate_certs=self.get_option("validate_certs"),
                ca_path=self.get_option("ca_path"),
                http_agent="sqlhosting.mssql.platform",
                follow_redirects="none",
            )
            body = answer.read(LARGEST_BYTES + 1)
        except HTTPError as exc:
            raise PlatformError(_refusal(url, exc)) from None
        except (SSLValidationError, ssl.SSLError) as exc:
            raise _not_trusted(url, exc, token) from None
        except (URLError, UrlConnectionError, OSError, ValueError) as exc:
            reason = getattr(exc, "reason", exc)
            if isinstance(reason, ssl.SSLError):
                raise _not_trusted(url, reason, token) from None
            if isinstance(reason, TimeoutError) or "timed out" in str(reason):
                raise PlatformError(
                    f"{url} did not answer within {timeout_s} s. Is the portal running? Else raise timeout_s."
                ) from None
            raise PlatformError(
                f"{url} cannot be reached: {_without(token, reason)}. Check url; is the portal running?"
            ) from None
        if len(body) > LARGEST_BYTES:
            raise PlatformError(
                f"{url} answered with more than {LARGEST_BYTES} bytes, which is no inventory."
            )
        return body

    def _add(self, pool: dict) -> None:
        group = self.inventory.add_group(pool["name"])
        for name, value in pool["variables"].items():
            self.inventory.set_variable(group, name, value)
        self.inventory.set_variable(group, "pool_kind", pool["kind"])
        for instance in pool["instances"]:
            host = self.inventory.add_host(instance["name"], group=group)
            for name, value in OURS.items():
                # Only these are marked as trusted: the platform's own values never are.
                self.inventory.set_variable(host, name, trust_as_template(value))
            for name, value in instance["variables"].items():
                self.inventory.set_variable(host, name, value)
            connection = instance["variables"].get("sqlhosting_connection")
            if isinstance(connection, dict):
                # For those who add the password themselves: a variable cannot be made from itself.
                known = {key: value for key, value in connection.items() if key != "login_password"}
                self.inventory.set_variable(host, "platform_connection", known)


def pools_of(body: bytes) -> list:
    """The pools of an answer, checked: dicts of ``name``, ``kind``, ``variables`` and ``instances``.

    Raises :class:`PlatformError`.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        raise PlatformError(
            "The answer is not JSON. Is url the platform's, and no proxy or login page in between?"
        ) from None
    if not isinstance(answer, dict) or "version" not in answer:
        raise PlatformError("The answer is not an inventory: it has no version. Check url.")
    if answer["version"] != VERSION:
        raise PlatformError(
            f"The platform speaks version {answer['version']!r} of the inventory, this plugin version "
            f"{VERSION}. Use the collection that came with the platform."
        )
    pools = _list(answer, "pools", "the answer")
    seen: dict = {}
    for pool in pools:
        where = f"pool {_named(pool, 'a pool')}"
        if pool["name"].lower() in NOT_POOLS:
            raise PlatformError(f"{where}: Ansible needs this name itself. Give the pool another one.")
        _checked_variables(pool, where)
        pool["kind"] = str(pool.get("kind") or "standalone")
        for instance in _list(pool, "instances", where):
            name = _named(instance, f"an instance of {where}")
            _checked_variables(instance, f"instance {name}")
            if seen.setdefault(name, pool["name"]) != pool["name"]:
                raise PlatformError(f"instance {name} is in two pools, {seen[name]} and {pool['name']}.")
    return pools


def _list(data: dict, key: str, where: str) -> list:
    value = data.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise PlatformError(
            f"{where}: {key} is not a list of objects. Use the collection that fits the platform."
        )
    return value


def _named(data: dict, what: str) -> str:
    name = data.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PlatformError(
            f"{what} has the name {name!a}, which Ansible cannot use. Rename it in the portal."
        )
    return name


def _checked_variables(data: dict, where: str) -> None:
    variables = data.get("variables") or {}
    if not isinstance(variables, dict):
        raise PlatformError(
            f"{where}: variables is not an object. Use the collection that fits the platform."
        )
    for name in variables:
        if not VARIABLE.fullmatch(name) or name.startswith("ansible_"):
            raise PlatformError(f"{where}: the variable {name!a} is refused: it could steer Ansible itself.")
    data["variables"] = variables


def _check_url(url: str, parts: object) -> None:
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.username:
        shown = parts.hostname or url
        raise PlatformError(f"url ({shown}) is not the address of a platform: write https://sql.example.com.")


def _refusal(url: str, error: HTTPError) -> str:
    code = error.code
    if 300 <= code < 400:
        return f"{url} answers from another address ({code}). Put that address into url."
    remedy = REMEDIES.get(code, "See the log of the portal." if code >= 500 else "Check url and token.")
    return f"{url} refused to give the inventory (HTTP {code}). {remedy}"


def _not_trusted(url: str, reason: object, token: str) -> PlatformError:
    return PlatformError(
        f"The certificate of {url} is not trusted: {_without(token, reason)}. Give its authority as ca_path."
    )


def _without(token: str, reason: object) -> str:
    return str(reason).replace(token, "<token>").rstrip(".")
