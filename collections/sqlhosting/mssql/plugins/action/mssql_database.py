# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils.database import module
from ansible_collections.sqlhosting.mssql.plugins.plugin_utils._action import SharedAction


class ActionModule(SharedAction):
    """Runs mssql_database: in this process, or on the target."""

    code = module
    first_reads = ("database/observe",)
