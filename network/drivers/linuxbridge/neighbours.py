"""Other installations on this kernel: names and addresses of each are its own, or it does not start.

An installation claims its prefix, its ways out and its connection-tracking zones in a file under
/run, one directory for each network namespace. The claim counts while its host runs (it holds the
file's lock) or while an interface carries its mark; what is left of one that is gone claims nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import IO, Any

from cloudweb.driver import DriverError
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.drivers.linuxbridge.config import WAYS_OUT, BridgeConfig
from network.drivers.linuxbridge.links import Links

CLAIMS = Path("/run/cloudweb/claims")


class NamesTaken(DriverError):
    """Another installation has a name or an address of ours; the sentence names both and a way out."""

    code = "names_taken"


@dataclass(frozen=True, slots=True)
class Claim:
    """What an installation has for itself; ``zones`` is (first, one after the last)."""

    installation: str
    directory: str
    prefix: str
    way_out: str
    zones: tuple[int, int]


class Neighbours:
    """The claims in this network namespace, seen from one installation's ``state_dir``."""

    def __init__(
        self,
        state_dir: Path,
        config: BridgeConfig,
        *,
        directory: Path = CLAIMS,
        aliases: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self._aliases = aliases or _aliases
        self._directory = directory / str(Path("/proc/thread-self/ns/net").stat().st_ino)
        self._config = config
        self.claim = Claim(
            installation=config.installation,
            directory=os.fspath(state_dir),
            prefix=config.prefix,
            way_out=str(config.way_out),
            zones=(config.zones, config.zones + config.slots),
        )
        self._held: IO[str] | None = None

    def take(self) -> None:
        """Claim our names for as long as this process runs, and after it while they are in use.

        Raises NamesTaken.
        """
        with self._only_one():
            self.check()
            counted = {claim.installation for claim in self.others()}
            for path in self._directory.glob("*.json"):
                if path.stem not in counted:
                    path.unlink(missing_ok=True)
            mine = self._file(self.claim.installation)
            write_atomically(mine, json.dumps(asdict(self.claim)))
            if self._held is None or not _is_open_as(self._held, mine):
                self._held = mine.open()
                with suppress(BlockingIOError):  # a process of ours that is on its way out
                    fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def check(self) -> None:
        """Raise NamesTaken when another installation has what we would use."""
        others = self.others()
        for other in others:
            if other.prefix == self.claim.prefix:
                taken = f"the prefix {other.prefix} of interface names"
            elif IPv4Network(other.way_out).overlaps(self._config.way_out):
                taken = f"ways out in {other.way_out}"
            elif _overlap(other.zones, self.claim.zones):
                taken = f"connection-tracking zones {other.zones[0]} to {other.zones[1] - 1}"
            else:
                continue
            raise NamesTaken(
                f"Another cloud on this machine, kept in {other.directory or 'an unknown place'}, has "
                f"{taken}. {self._suggestion(others)}"
            )

    def release(self) -> None:
        """Give our names back: nothing of ours is left."""
        with self._only_one():
            self._file(self.claim.installation).unlink(missing_ok=True)
            if self._held is not None:
                self._held.close()
                self._held = None

    def own_the_prefix(self) -> bool:
        """Tell whether what carries our prefix is ours, as far as it does not say otherwise."""
        return all(other.prefix != self.claim.prefix for other in self.others())

    def others(self) -> Sequence[Claim]:
        """Return the claims of other installations that count."""
        marked = self._marked()
        found = []
        for path in sorted(self._directory.glob("*.json")):
            claim = read_record(path, _parse)
            if claim is None or claim.installation == self.claim.installation:
                continue
            if claim.installation in marked or _is_locked(path):
                found.append(claim)
        known = {claim.installation for claim in found} | {self.claim.installation}
        return [
            *found,
            *(
                Claim(installation, "", prefix, "0.0.0.0/32", (0, 0))
                for installation, prefix in sorted(marked.items())
                if installation not in known and prefix == self.claim.prefix
            ),
        ]

    def _marked(self) -> dict[str, str]:
        """Return the installations that interfaces here are marked with, and the prefix of each."""
        words = [alias.split() for alias in self._aliases()]
        return {
            mark[-1][1:]: mark[0]
            for mark in words
            if len(mark) > 2 and mark[1] in ("network", "port") and mark[-1].startswith("@")
        }

    def _suggestion(self, others: Sequence[Claim]) -> str:
        prefixes = {self.claim.prefix, *(other.prefix for other in others)}
        taken = [IPv4Network(other.way_out) for other in others]
        range_ = IPv4Network("169.254.0.0/16")
        free = next(
            (
                block
                for block in reversed(list(range_.subnets(new_prefix=WAYS_OUT.prefixlen)))
                if not any(block.overlaps(other) for other in taken)
                and not block.overlaps(IPv4Network("169.254.169.254"))
            ),
            IPv4Network("100.100.0.0/18"),
        )
        letters = "wxyzabcdefghijklmnopqrstuv"
        prefix = next(f"c{letter}" for letter in letters if f"c{letter}" not in prefixes)
        return (
            "Give this one names of its own, before it has any network: "
            f"NETWORK_PREFIX={prefix} NETWORK_WAY_OUT={free} PUBLIC_CIDR=172.24.5.0/24 make run"
        )

    def _file(self, installation: str) -> Path:
        return self._directory / f"{installation}.json"

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _aliases() -> Sequence[str]:
    with Links.open() as links:
        return [link.alias for link in links.all()]


def _parse(kept: Any) -> Claim:
    claim = Claim(**{**kept, "zones": tuple(kept["zones"])})
    IPv4Network(claim.way_out)
    return claim


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _is_locked(path: Path) -> bool:
    with suppress(FileNotFoundError), path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _is_open_as(file: IO[str], path: Path) -> bool:
    if file.closed:
        return False
    try:
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
