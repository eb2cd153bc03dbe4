"""The instance's machine: volumes, folders and the files on them, with sizes but no contents."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.topology import GIB, VolumeSpec

if TYPE_CHECKING:
    from simulator.topology import InstanceSpec


@dataclass
class Volume:
    """A volume; ``base_used`` is what is on it besides the files that the simulator knows, in bytes."""

    mount_point: str
    label: str
    total: int
    base_used: int = 0


@dataclass
class StoredFile:
    """A file on a volume.

    ``kind`` is "data", "log", "backup", "snapshot" or "left" (left behind by a drop).
    """

    path: str
    size: int  # bytes
    kind: str


@dataclass
class Disk:
    """All volumes of one machine."""

    windows: bool
    volumes: list[Volume] = field(default_factory=list)
    files: dict[str, StoredFile] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    data_path: str = ""
    log_path: str = ""
    backup_path: str = ""
    system_path: str = ""  # where master, model, msdb and tempdb lie
    _taken: dict[str, int] = field(default_factory=dict)  # bytes of files by mount point

    def key(self, path: str) -> str:
        """A path as the machine's file system compares it."""
        return path.replace("/", "\\").lower() if self.windows else path

    def folder_of(self, path: str) -> str:
        """The folder of a file, with its closing separator."""
        separator = "\\" if self.windows else "/"
        plain = path.replace("/", "\\") if self.windows else path
        return plain.rpartition(separator)[0] + separator

    def is_absolute(self, path: str) -> bool:
        """True for paths that a server on this platform accepts as a full path."""
        if self.windows:
            return len(path) > 2 and path[1] == ":" and path[2] in "\\/" and path[0].isalpha()
        return path.startswith("/")

    def has_folder(self, folder: str) -> bool:
        """True if the folder exists."""
        return self.key(folder).rstrip("\\/") in self.folders

    def add_folder(self, folder: str) -> None:
        """Make a folder and those above it."""
        key = self.key(folder).rstrip("\\/")
        while True:
            self.folders.add(key)
            parent = key.rpartition("\\" if self.windows else "/")[0]
            if parent == key or not key:
                return
            key = parent

    def volume_of(self, path: str) -> Volume | None:
        """The volume that a path lies on: the longest mount point that begins it."""
        key = self.key(path)
        fitting = [v for v in self.volumes if key.startswith(self._mount_key(v))]
        return max(fitting, key=lambda v: len(v.mount_point), default=None)

    def _mount_key(self, volume: Volume) -> str:
        key = self.key(volume.mount_point)
        return key if key.endswith(("/", "\\")) else key + ("\\" if self.windows else "/")

    def free(self, volume: Volume) -> int:
        """Free bytes, never below 0."""
        return max(0, volume.total - volume.base_used - self._taken.get(volume.mount_point, 0))

    def set_free(self, volume: Volume, free: int) -> None:
        """Make the volume have ``free`` bytes left, as if other programs had filled it."""
        volume.base_used = volume.total - self._taken.get(volume.mount_point, 0) - free

    def has_room(self, path: str, more: int) -> bool:
        """True if ``more`` bytes fit on the path's volume."""
        volume = self.volume_of(path)
        return volume is not None and more <= self.free(volume)

    def exists(self, path: str) -> bool:
        """True if there is a file at that path."""
        return self.key(path) in self.files

    def put(self, path: str, size: int, kind: str) -> None:
        """Make or resize a file."""
        self.remove(path)
        self.files[self.key(path)] = StoredFile(path, size, kind)
        self._count(path, size)

    def remove(self, path: str) -> None:
        """Delete a file if it is there."""
        gone = self.files.pop(self.key(path), None)
        if gone is not None:
            self._count(path, -gone.size)

    def _count(self, path: str, size: int) -> None:
        volume = self.volume_of(path)
        if volume is not None:
            self._taken[volume.mount_point] = self._taken.get(volume.mount_point, 0) + size

    def mount_point(self, name: str) -> Volume | None:
        """The volume with that mount point, with or without a closing separator."""
        wanted = self.key(name).rstrip("\\/")
        return next((v for v in self.volumes if self.key(v.mount_point).rstrip("\\/") == wanted), None)


_LINUX_DATA = "/var/opt/mssql/data/"


def build_disk(spec: InstanceSpec, major: int) -> Disk:
    """The machine's disk at first start: volumes and folders, no files yet.

    The default data, log and backup paths are the platform's, unless a volume is labelled ``data``, ``log``
    or
    ``backup``: then they lie on it.
    """
    windows = spec.platform == "Windows"
    specs = list(spec.volumes) or [VolumeSpec(mount_point="C:\\" if windows else "/", size_gib=100)]
    disk = Disk(windows)
    for v in specs:
        mount = v.mount_point
        if windows and not mount.endswith("\\"):
            mount += "\\"
        disk.volumes.append(Volume(mount, v.label, int(v.size_gib * GIB)))
        disk.add_folder(mount)
    if windows:
        folder = f"MSSQL{major}.{spec.instance_name or 'MSSQLSERVER'}\\MSSQL\\"
        root = "C:\\Program Files\\Microsoft SQL Server\\" + folder
        if disk.volume_of(root) is None:
            root = disk.volumes[0].mount_point + folder
        disk.data_path = disk.log_path = root + "DATA\\"
        disk.backup_path = root + "Backup\\"
    else:
        root = _LINUX_DATA
        if disk.volume_of(root) is None:
            root = posixpath.join(disk.volumes[0].mount_point, "data/")
        disk.data_path = disk.log_path = disk.backup_path = root
    disk.system_path = disk.data_path
    for volume in disk.volumes:
        separator = "\\" if windows else "/"
        folder = volume.mount_point.rstrip(separator) + separator
        if not windows and root.startswith(folder):
            continue
        if volume.label in {"data", "log", "backup"}:
            setattr(disk, f"{volume.label}_path", folder + volume.label + separator)
    for path in (disk.data_path, disk.log_path, disk.backup_path, disk.system_path):
        disk.add_folder(path)
    return disk


def apply_free_space(disk: Disk, spec: InstanceSpec) -> None:
    """After the first files are there: give each volume the free space that the topology names."""
    for wanted in spec.volumes:
        volume = disk.mount_point(wanted.mount_point)
        if volume is not None and wanted.free_gib is not None:
            disk.set_free(volume, int(wanted.free_gib * GIB))
