# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota import module
from ansible_collections.sqlhosting.mssql.plugins.plugin_utils._action import SharedAction


class ActionModule(SharedAction):
    """Runs mssql_quota: in this process, or on the target."""

    code = module
    first_reads = (
        "instance/identity",
        "instance/databases",
        "instance/files",
        "quota/log_used",
        "quota/used",
    )
