"""What is used of a host, in all and by project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F, Sum

from compute.models import Claim, Host


@dataclass(frozen=True, slots=True)
class HostShare:
    """A part of a host: of ``project``, or of one of the sums ``(total)``, ``(used_now)``, ``(used_max)``."""

    host: str
    project: str
    vcpus: int
    ram: int
    disk: int


def shares_of(host: Host) -> Sequence[HostShare]:
    """Return what a host has, what of it is used with what it keeps for itself, what servers hold, by project too."""
    rows = Claim.objects.filter(host=host).order_by("project_id").values_list("project_id")
    sums = rows.annotate(cpus=Sum(F("vcpus") + F("pinned")), rams=Sum("ram"), disks=Sum("disk"))
    parts = [HostShare(host.name, *row) for row in sums]
    return [
        HostShare(host.name, "(total)", host.vcpus, host.ram, host.disk),
        HostShare(
            host.name,
            "(used_now)",
            host.vcpus_used_in_all,
            host.ram_used_in_all,
            host.disk_used_in_all,
        ),
        HostShare(
            host.name,
            "(used_max)",
            sum(one.vcpus for one in parts),
            sum(one.ram for one in parts),
            sum(one.disk for one in parts),
        ),
        *parts,
    ]
