# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make FreeTDS verify the server's certificate, which it does only when freetds.conf names authorities.

FreeTDS takes ``ca file`` and ``check certificate hostname`` neither from the connection string nor from
``[global]`` when the string says ``Server=``, only from the section that ``Servername=`` names ("The
freetds.conf file", FreeTDS user guide; tried with 1.3.17). So a file with one section is written for the time
it takes to connect.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading

_ONE_AT_A_TIME = threading.Lock()  # the environment belongs to all threads
SECTION = "sqlhosting"
CONF_VARIABLE = "FREETDSCONF"
CA_FILE_VARIABLE = "SSL_CERT_FILE"  # OpenSSL's own variable, which Microsoft's driver obeys too
_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def section(options: dict, *, default_port: int) -> str:
    """The freetds.conf that reaches the instance and verifies its certificate. Pure but for the bundle's
    path.
    """
    lines = [f"[{SECTION}]", f"host = {options['login_host']}"]
    if options.get("login_instance") and not options.get("login_port"):
        lines.append(f"instance = {options['login_instance']}")
    else:
        lines.append(f"port = {options.get('login_port') or default_port}")
    lines += ["tds version = 7.4", f"ca file = {ca_file()}", "check certificate hostname = yes"]
    return "\n\t".join(lines) + "\n"


@contextlib.contextmanager
def configuration(text: str | None):
    """While inside, FreeTDS reads ``text`` as its freetds.conf; nothing happens for None."""
    if text is None:
        yield
        return
    with _ONE_AT_A_TIME:
        handle, path = tempfile.mkstemp(prefix="sqlhosting-", suffix=".conf")
        before = os.environ.get(CONF_VARIABLE)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.environ[CONF_VARIABLE] = path
            yield
        finally:
            if before is None:
                os.environ.pop(CONF_VARIABLE, None)
            else:
                os.environ[CONF_VARIABLE] = before
            os.unlink(path)


def ca_file() -> str:
    """The bundle of trusted authorities: SSL_CERT_FILE, else the system's, else FreeTDS's word for it."""
    for path in (os.environ.get(CA_FILE_VARIABLE), *_CA_FILES):
        if path and os.path.exists(path):
            return path
    return "system"
