"""Which thin pool a back end of LVM has, as settings say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cloudweb.conf import env
from cloudweb.wire import Wire
from volume.drivers.file.config import sockets_of, wire_of
from volume.drivers.lvm.group import Group


@dataclass(frozen=True, slots=True)
class LvmConfig:
    """The pool, and the wire to other hosts, as a back end of files has it."""

    group: Group
    wire: Wire
    sockets: Path | None = None

    @classmethod
    def from_settings(cls, *, backend: str, state_dir: Path) -> LvmConfig:
        """Read VOLUME_<BACKEND>_GROUP and VOLUME_<BACKEND>_POOL, VOLUME_PORTS, VOLUME_ADDRESS."""
        name = f"VOLUME_{backend.upper()}"
        group = Group(
            env.str(f"{name}_GROUP", default="cloudweb"), env.str(f"{name}_POOL", default="pool")
        )
        return cls(group=group, wire=wire_of(state_dir), sockets=sockets_of(state_dir))
