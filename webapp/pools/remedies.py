"""What the collection advises, in the words of the portal's forms. Pure.

Modules speak of options (``login_host``), as whoever writes playbooks needs it. Who works in the portal has
fields instead: their labels in ``pages/pools/forms.py``; a test compares.
"""

from __future__ import annotations

import re

ADDRESS, PORT, INSTANCE_NAME, TRUST = "Address", "Port", "Instance name", "Trust any certificate"
LOGIN, PASSWORD = "Login", "Password"

_OF_INSTANCE = "of the instance"
_OF_ACCOUNT = "of the elevated account"
# The longer ones first: what an option alone is called does not read well in a list of them.
_WORDS = {
    "login_host, login_port or login_instance": f"“{ADDRESS}”, “{PORT}” or “{INSTANCE_NAME}” {_OF_INSTANCE}",
    "login_host, login_port": f"“{ADDRESS}” and “{PORT}” {_OF_INSTANCE}",
    "login_port and login_instance": f"“{PORT}” and “{INSTANCE_NAME}”",
    "login_user, login_password and login_database": f"“{LOGIN}” and “{PASSWORD}” {_OF_ACCOUNT}",
    "trust_server_certificate: true": f"tick “{TRUST}” {_OF_INSTANCE}",
    "set trust_server_certificate: false": f"clear “{TRUST}” {_OF_INSTANCE}",
    "Use login_database: master.": "Make master the login's default database.",
    "login_host": f"“{ADDRESS}” {_OF_INSTANCE}",
    "login_port": f"“{PORT}” {_OF_INSTANCE}",
    "login_instance": f"“{INSTANCE_NAME}” {_OF_INSTANCE}",
    "login_user": f"“{LOGIN}” {_OF_ACCOUNT}",
    "login_password": f"“{PASSWORD}” {_OF_ACCOUNT}",
    "trust_server_certificate": f"“{TRUST}” {_OF_INSTANCE}",
}
_OPTIONS = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(words) for words in _WORDS)})(?!\w)")


def in_form_words(text: str) -> str:
    """``text`` with the fields of forms in place of the options of modules."""
    return _OPTIONS.sub(lambda found: _WORDS[found.group()], text)
