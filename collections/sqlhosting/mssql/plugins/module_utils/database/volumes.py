# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether wanted file sizes fit the volumes they go to, as far as the platform shows its volumes.

sys.dm_os_volume_stats names no mount point on Linux: there a volume is known by a file of the same folder.
"""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import format_mib

MIB = 1024 * 1024


def folder_of(path: str) -> str:
    """The folder of a server's path, without its last separator and, on Windows, in lower case."""
    if path.startswith("/"):
        return path.rsplit("/", 1)[0] or "/"
    return path.replace("/", "\\").rsplit("\\", 1)[0].lower()


def volume_of(path: str, rows: list) -> tuple | None:
    """(key, free MiB) of the volume that ``path`` lies on; None when the rows do not tell.

    ``rows``: physical_name, mount_point (None on Linux) and available_bytes of files whose volume is known.
    """
    mounts = [
        row for row in rows if row["mount_point"] and path.lower().startswith(row["mount_point"].lower())
    ]
    if mounts:
        row = max(mounts, key=lambda each: len(each["mount_point"]))
        return row["mount_point"].lower(), row["available_bytes"] / MIB
    for row in rows:
        if folder_of(row["physical_name"]) == folder_of(path):
            return folder_of(path), row["available_bytes"] / MIB
    return None


def check_room(needs: list, rows: list) -> None:
    """Raise :class:`InvalidInput` when what files need more than is free on their volume.

    ``needs``: (option, path, MiB to be allocated). Needs on one volume are added up. A volume that the
    platform does not show is not checked: the server then answers 5149 or 1802 itself.
    """
    used: dict = {}
    for option, path, mib in needs:
        volume = volume_of(path, rows)
        if volume is None:
            continue
        key, free_mib = volume
        used[key] = used.get(key, 0) + mib
        if used[key] > free_mib:
            raise InvalidInput(
                field=option,
                problem=f"{format_mib(used[key])} are needed on the volume of {path}, "
                f"{format_mib(int(free_mib))} are free",
                remedy="Give a smaller size, or make room on the volume.",
            )
