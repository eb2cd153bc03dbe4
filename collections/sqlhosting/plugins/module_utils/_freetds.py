# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make FreeTDS verify the server's certificate: it does so only when a configuration file names authorities.

FreeTDS 1.x takes ``ca file`` and ``check certificate hostname`` from freetds.conf, not from the connection
string
("The freetds.conf file", FreeTDS user guide).
"""

from __future__ import annotations

import contextlib
import os
import tempfile

CONF_VARIABLE = "FREETDSCONF"
CA_FILE_VARIABLE = "SSL_CERT_FILE"  # OpenSSL's own variable, which Microsoft's driver obeys too
_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


@contextlib.contextmanager
def nothing():
    """For drivers that need no configuration file."""
    yield


@contextlib.contextmanager
def configuration(*, verify: bool):
    """While the connection is opened, FreeTDS reads a configuration of ours (unless FREETDSCONF is set)."""
    if os.environ.get(CONF_VARIABLE) or not verify:
        yield
        return
    handle, path = tempfile.mkstemp(prefix="sqlhosting-", suffix=".conf")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"[global]\n\tca file = {ca_file()}\n\tcheck certificate hostname = yes\n")
        os.environ[CONF_VARIABLE] = path
        try:
            yield
        finally:
            os.environ.pop(CONF_VARIABLE, None)
    finally:
        os.unlink(path)


def ca_file() -> str:
    """The bundle of trusted authorities: SSL_CERT_FILE, else the system's, else FreeTDS's word for it."""
    for path in (os.environ.get(CA_FILE_VARIABLE), *_CA_FILES):
        if path and os.path.exists(path):
            return path
    return "system"
