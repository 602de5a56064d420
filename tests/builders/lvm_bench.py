"""The LVM driver on a thin pool that is simulated: its commands are understood, its devices are files.

What LVM says is in the form that ``lvs --reportformat json`` has (lvm2 2.03.16), and every command line is
kept, so that a test can compare it, and a guest with a kernel that has device mapper can run it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.wire import Wire
from tests.builders.volume_bench import MIB, SIZE, FileBench, make_source, new_ref
from volume.drivers.lvm import LvmDriver
from volume.drivers.lvm.config import LvmConfig
from volume.drivers.lvm.group import Group
from volume.objects import VolumeRef, VolumeSpec

EXTENT = 4 * MIB
POOL_SIZE = 1024 * MIB


@dataclass
class Thin:
    """One thin volume; ``skipped``: it is activated only when that is insisted on."""

    size: int
    tags: list[str]
    active: bool = True
    skipped: bool = False


class SimulatedLvm:
    """A thin pool ``vg/pool`` whose devices are sparse files in ``devices``/vg."""

    def __init__(self, devices: Path) -> None:
        self.place = devices / "vg"
        self.place.mkdir(parents=True)
        self.volumes: dict[str, Thin] = {}
        self.commands: list[tuple[str, ...]] = []
        self.taken = 12.5
        self.opened: set[str] = set()

    def run(self, *command: str, timeout: float, env: dict[str, str]) -> process.Completed:
        assert env == {"LC_ALL": "C"}
        self.commands.append(command)
        name, *words = command
        text = getattr(self, f"_{name}")(*_options(words)) or ""
        return process.Completed(0, text.encode(), b"")

    def census(self) -> Sequence[str]:
        """Return the pool's volumes, and devices, whatever their tags."""
        return [*self.volumes, *(path.name for path in self.place.iterdir())]

    def _lvs(self, options: dict[str, str], tags: list[str], group: str) -> str:
        assert (options["reportformat"], options["units"], group) == ("json", "b", "vg")
        rows = [
            self._row("pool", POOL_SIZE, self.taken, 3.0, "active", [], ""),
            self._row("root", 8 * EXTENT, "", "", "active", [], ""),  # somebody else's
        ]
        rows += [
            self._row(name, one.size, 1.5, "", "active" if one.active else "", one.tags, "pool")
            for name, one in self.volumes.items()
        ]
        return json.dumps({"report": [{"lv": rows}], "log": []})

    def _row(self, name: str, size: int, *facts: Any) -> dict[str, str]:
        data, metadata, active, tags, pool = facts
        return {"lv_name": name, "lv_size": str(size), "data_percent": str(data),
                "metadata_percent": str(metadata), "lv_active": active, "lv_tags": ",".join(tags),
                "pool_lv": pool, "lv_permissions": "writeable",
                "lv_device_open": "open" if name in self.opened else ""}  # fmt: skip

    def _lvcreate(self, options: dict[str, str], tags: list[str], place: str) -> None:
        name = options["name"]
        assert name not in self.volumes
        path = self.place / name
        if "snapshot" in options:
            source = self.volumes[place.removeprefix("vg/")]
            skipped, active = options["setactivationskip"] == "y", options["activate"] == "y"
            data = self._data(place.removeprefix("vg/"))
            process.run("cp", "--sparse=always", str(data), str(path))
            size = source.size
        else:
            assert (options["thinpool"], place) == ("pool", "vg")
            size, skipped, active = _rounded(options["virtualsize"]), False, True
            path.touch()
        with path.open("r+b") as file:
            file.truncate(size)
        self.volumes[name] = Thin(size, tags, active, skipped)
        self._hide(name)

    def _lvextend(self, options: dict[str, str], tags: list[str], place: str) -> None:
        name = place.removeprefix("vg/")
        size = _rounded(options["size"])
        assert size > self.volumes[name].size
        self.volumes[name].size = size
        with self._data(name).open("r+b") as file:
            file.truncate(size)

    def _lvrename(self, options: dict[str, str], tags: list[str], *names: str) -> None:
        group, old, new = names
        assert group == "vg"
        assert new not in self.volumes
        self._data(old).rename(self._data(old).with_name(self._data(old).name.replace(old, new)))
        self.volumes[new] = self.volumes.pop(old)

    def _lvremove(self, options: dict[str, str], tags: list[str], place: str) -> None:
        name = place.removeprefix("vg/")
        self._data(name).unlink()
        del self.volumes[name]

    def _lvchange(self, options: dict[str, str], tags: list[str], place: str) -> None:
        name = place.removeprefix("vg/")
        if "activate" not in options:
            lost = options.get("deltag", "").split(",")
            left = [tag for tag in self.volumes[name].tags if tag not in lost]
            self.volumes[name].tags = left + tags
            return
        active = options["activate"] == "y"
        assert not active or not self.volumes[name].skipped or "ignoreactivationskip" in options
        data = self._data(name)
        self.volumes[name].active = active
        data.rename(self.place / name)
        self._hide(name)

    def _data(self, name: str) -> Path:
        there = self.place / name
        return there if there.exists() else self.place / f".{name}"

    def _hide(self, name: str) -> None:
        """Let one that is not active have no device."""
        if not self.volumes[name].active:
            (self.place / name).rename(self.place / f".{name}")


class LvmBench(FileBench):
    """The driver over that, with real daemons."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lvm", dir="/tmp"))
        self.certificates = self.directory / "tls"
        self.lvm = SimulatedLvm(self.directory / "dev")
        group = Group("vg", "pool", run=self.lvm.run, devices=self.directory / "dev")
        wire = Wire("127.0.0.1", range(22100, 22200), self.certificates)
        self._lvm_config = LvmConfig(group, wire)
        self.restart()

    def restart(self) -> None:
        state = self.directory / "state"
        self.driver: Any = LvmDriver(state, self.host, config=self._lvm_config)
        self.driver.start()

    def spec(self, **overrides: Any) -> VolumeSpec:
        return VolumeSpec(**{"ref": new_ref(self.driver), "size": SIZE, **overrides})

    def image(self, word: str) -> tuple[Any, Path | None]:
        source, path = super().image(word)
        return make_source(word, MIB, source.size, "qcow2"), path

    def write(self, ref: VolumeRef, word: str) -> None:
        with (self.lvm.place / f"volume-{ref.id}").open("r+b") as file:
            file.write(word.encode().ljust(512, b"\0"))

    def read(self, ref: VolumeRef) -> str:
        path = self.lvm.place / f"volume-{ref.id}"
        return path.read_bytes()[:512].rstrip(b"\0").decode()

    def census(self) -> Sequence[str]:
        return [*self.lvm.census(), *self.driver.census()]


def _options(words: Sequence[str]) -> tuple[Any, ...]:
    """Return a command's options, its tags, and what else it names."""
    flags = ("--yes", "--snapshot", "--nosuffix", "--ignoreactivationskip")
    options: dict[str, str] = {}
    tags, rest, given = [], [], iter(words)
    for word in given:
        if word in flags:
            options[word[2:]] = ""
        elif word == "--addtag":
            tags.append(next(given))
        elif word == "--deltag":
            options["deltag"] = f"{options.get('deltag', '')},{next(given)}"
        elif word.startswith("--"):
            options[word[2:]] = next(given)
        else:
            rest.append(word)
    return options, tags, *rest


def _rounded(size: str) -> int:
    assert size.endswith("b")
    return -(-int(size[:-1]) // EXTENT) * EXTENT
