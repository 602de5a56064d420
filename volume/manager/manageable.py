"""What lies in pools beside our volumes, as its host finds it when it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from cloudweb.driver import DriverError
from cloudweb.manager import Manager
from cloudweb.policy import policy
from operations.asking import ask
from volume.exceptions import InvalidPool
from volume.manager.pool_names import pool_named
from volume.models import Pool, Snapshot, Volume
from volume.objects import Manageable, ManageableFound, ManageableRequest
from volume.resolution import GIB
from volume.rpc import MANAGEABLE

#: The capabilities of pools that let go of what is theirs, and take what is not.
MANAGE, MANAGE_SNAPSHOTS = "manage", "manage_snapshots"
#: A host may have to read many headers. Seconds.
PATIENCE = 20.0
MANAGED = "already managed"


@dataclass(frozen=True, slots=True)
class Listed:
    """Something in a pool: what it is called there, its GiB, and whose it is, or why it can be nobody's.

    ``of_volume`` is, of a snapshot, what its volume is called there.
    """

    name: str
    size: int
    problem: str = ""
    id: str | None = None
    format: str = ""
    of_volume: str = ""


class ManageableManager(Manager):
    """All raise InvalidPool (400), and HostDidNotAnswer (503)."""

    @policy("volume:manageable_volumes:list")
    def volumes(self, host: str) -> Sequence[Listed]:
        """Return the volumes of a pool: ours, and what is nobody's."""
        pool = pool_named(host)
        ours = [
            Listed(row.backend_name, row.size, problem=MANAGED, id=str(row.id))
            for row in Volume.objects.filter(pool=pool).only("id", "name_id", "size")
        ]
        found = found_in(pool)
        return [*ours, *(Listed(o.name, gib(o.size), o.problem, format=o.format) for o in found)]

    @policy("volume:manageable_snapshots:list")
    def snapshots(self, host: str) -> Sequence[Listed]:
        """Return the snapshots of a pool's volumes: ours, and what is nobody's."""
        pool = pool_named(host)
        rows = Snapshot.objects.filter(volume__pool=pool).select_related("volume")
        ours = [
            Listed(
                f"snapshot-{row.id}",
                row.size,
                problem=MANAGED,
                id=str(row.id),
                of_volume=row.volume.backend_name,
            )
            for row in rows
        ]
        keys = _volumes(pool)
        found = [
            Listed(
                one.name,
                gib(one.size),
                problem="" if one.volume_id in keys else "its volume is none of this cloud's",
                of_volume=f"volume-{one.volume_id}",
            )
            for one in found_in(pool, snapshots=True)
        ]
        return [*ours, *found]


def found_in(
    pool: Pool, *, snapshots: bool = False, name: str = "", volume_id: str = ""
) -> Sequence[Manageable]:
    """Ask a pool's host what is nobody's; raise InvalidPool where its back end cannot tell."""
    if (MANAGE_SNAPSHOTS if snapshots else MANAGE) not in pool.capabilities:
        what = "snapshots" if snapshots else "volumes"
        raise InvalidPool(f"The back end of {pool.full_name} has no {what} that can be managed.")
    request = ManageableRequest(
        backend=pool.backend, pool=pool.name, snapshots=snapshots, name=name, volume_id=volume_id
    )
    try:
        return [*_pages(pool, request)]
    except DriverError as error:
        raise InvalidPool(error.message) from error


def _pages(pool: Pool, request: ManageableRequest) -> Iterator[Manageable]:
    more = True
    while more:
        order = MANAGEABLE.order(host=pool.host, resource_id="manageable", payload=request)
        answer = ManageableFound.load(ask(order, timeout=PATIENCE))
        yield from answer.found
        more = answer.more
        if more:
            last = answer.found[-1]
            request = request.model_copy(update={"after": f"{last.name}\0{last.volume_id}"})


def gib(size: int) -> int:
    """Return the GiB that so many bytes take, at least one."""
    return max(1, -(-size // GIB))


def volume_called(pool: Pool, name: str) -> Volume | None:
    """Return the volume of ours that is called so in a pool."""
    word, _, key = name.partition("-")
    try:
        number = UUID(key)
    except ValueError:
        return None
    if word != "volume":
        return None
    rows = Volume.objects.filter(Q(id=number, name_id=None) | Q(name_id=number), pool=pool)
    return rows.first()


def _volumes(pool: Pool) -> set[str]:
    rows = Volume.objects.filter(pool=pool).values_list("id", "name_id")
    return {str(name or key) for key, name in rows}
