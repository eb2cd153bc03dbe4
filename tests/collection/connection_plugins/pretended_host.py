"""A connection that reaches this machine, but is not the local one: modules run as on a jump host."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = r"""
name: pretended_host
short_description: this machine as if it were another one
description: For tests.
author: The sqlhosting project
version_added: 0.1.0
extends_documentation_fragment: [connection_pipelining]
options: {}
"""


class Connection(LocalConnection):
    """As the local connection, under another name."""

    transport = "pretended_host"
