"""What a project's servers use, counted from the rows under the lock of its quota."""

from __future__ import annotations

from django.db.models import Count, F, Sum

from identity import quotas
from instances.conf import QUOTAS
from instances.models import Instance
from instances.states import VmState

SERVICE = "compute"
quotas.declare(SERVICE, QUOTAS)


def used(project_id: str) -> dict[str, int]:
    """Return what the project's servers hold now; one that is being resized the larger of both sizes."""
    found = (
        Instance.objects.alive()
        .filter(project_id=project_id)
        .exclude(vm_state=VmState.SOFT_DELETED)
        .aggregate(
            instances=Count("id"),
            cores=Sum(F("vcpus") + F("more_vcpus")),
            ram=Sum(F("ram") + F("more_ram")),
        )
    )
    return {name: count or 0 for name, count in found.items()}


def reserve(project_id: str, *, count: int, vcpus: int, ram: int) -> None:
    """Raise QuotaExceeded unless ``count`` servers of this size fit; call inside ``atomic()``."""
    quotas.reserve(
        project_id,
        SERVICE,
        wanted={"instances": count, "cores": count * vcpus, "ram": count * ram},
        used=lambda: used(project_id),
    )


def reserve_growth(project_id: str, *, vcpus: int, ram: int) -> None:
    """Raise QuotaExceeded unless a server may grow by so much; call inside ``atomic()``."""
    quotas.reserve(
        project_id,
        SERVICE,
        wanted={"cores": vcpus, "ram": ram},
        used=lambda: used(project_id),
    )
