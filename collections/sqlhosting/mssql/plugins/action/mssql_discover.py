# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover import module
from ansible_collections.sqlhosting.mssql.plugins.plugin_utils._action import SharedAction


class ActionModule(SharedAction):
    """Runs mssql_discover: in this process, or on the target."""

    code = module
    only_reads = True
    first_reads = (
        "instance/identity",
        "instance/system",
        "instance/cpu_load",
        "instance/databases",
        "instance/files",
        "instance/logins",
        "instance/configuration",
        "instance/endpoints",
        "instance/availability_groups",
        "instance/availability_databases",
        "quota/used",
    )
