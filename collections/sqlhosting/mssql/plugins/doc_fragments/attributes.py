# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """What every module of the collection supports."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Nothing is changed; the statements that would be sent are in the journal as C(planned).
    support: full
  diff_mode:
    description: Returns the state before and after, without secrets.
    support: full
  async:
    description: May run with C(async).
    support: none
  platform:
    description: Where the module runs; the instance may run on Windows or Linux.
    platforms: posix
    support: full
"""
