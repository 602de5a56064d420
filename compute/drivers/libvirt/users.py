"""Whom guests run as: each as a user of its own, so one that broke out of QEMU owns nothing of another's.

The users have no names. A guest's is drawn from its id and is its own for as long as its directory is
there: who owns the directory is the record. The group is one for all; through it guests read shared
bases and use KVM.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from cloudweb.conf import env
from compute.drivers.base import HypervisorUnavailable

#: No distribution gives these to people, services or containers (systemd's list calls them unused).
UNUSED = "1879048192-2013265919"


def guest_uids() -> range | None:
    """Return the uids for guests (setting GUEST_UIDS); None where this container has not all of them."""
    text = env.str("GUEST_UIDS", default=UNUSED)
    found = re.fullmatch(r"(\d{1,10})-(\d{1,10})", text)
    if found is None or not 0 < int(found[1]) <= int(found[2]) < 2**32 - 1:
        raise HypervisorUnavailable(f"GUEST_UIDS is {text!r}; it must look like {UNUSED}.")
    uids = range(int(found[1]), int(found[2]) + 1)
    return uids if _has(uids, Path("/proc/self/uid_map").read_text()) else None


def _has(uids: range, uid_map: str) -> bool:
    for line in uid_map.splitlines():
        first, _, count = map(int, line.split())
        if first <= uids[0] and uids[-1] < first + count:
            return True
    return False


class GuestUsers:
    """The users of guests whose directories are in ``directory``; without ``uids`` one for all."""

    def __init__(self, directory: Path, uids: range | None, *, shared: int) -> None:
        self._directory, self._uids, self._shared = directory, uids, shared
        self.drawing = threading.Lock()

    @property
    def shared_by_all(self) -> int | None:
        """Return the user that all guests run as; None where each has its own."""
        return self._shared if self._uids is None else None

    def of(self, home: Path) -> int:
        """Return the user of a guest: who owns its directory, else a user that no other guest has."""
        if self._uids is None:
            return self._shared
        owners = dict(self._owners())
        known = owners.pop(home.name, None)
        if known is not None and known in self._uids:
            return known
        return draw(home.name, self._uids, set(owners.values()))

    def _owners(self) -> Iterator[tuple[str, int]]:
        with os.scandir(self._directory) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    yield entry.name, entry.stat(follow_symlinks=False).st_uid


def draw(guest_id: str, uids: range, taken: Collection[int]) -> int:
    """Return a uid that is not taken, the same for a guest wherever it can be."""
    start = int.from_bytes(hashlib.sha256(guest_id.encode()).digest()[:8])
    for step in range(min(len(uids), len(taken) + 1)):
        uid = uids[(start + step) % len(uids)]
        if uid not in taken:
            return uid
    raise HypervisorUnavailable("Every uid of GUEST_UIDS is a guest's already; give it more.")
