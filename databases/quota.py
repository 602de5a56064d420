"""What a project's databases use, counted from the rows under the lock of its quota."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Count, Sum

from databases.models import Backup, DatabaseInstance
from identity import quotas

SERVICE = "database"
DEFAULTS = {"instances": 10, "volumes": 40, "backups": 50, "ram": -1}
quotas.declare(SERVICE, DEFAULTS)


def used(project_id: str) -> Mapping[str, int]:
    """Return what the project holds now: instances, GiB of their volumes, MiB of memory, backups."""
    sums = DatabaseInstance.objects.filter(project_id=project_id).aggregate(
        instances=Count("id"), volumes=Sum("volume_size"), ram=Sum("ram")
    )
    backups = Backup.objects.filter(project_id=project_id).count()
    return {**{name: found or 0 for name, found in sums.items()}, "backups": backups}


def reserve(project_id: str, **wanted: int) -> None:
    """Raise QuotaExceeded unless so much more fits; call inside ``atomic()``."""
    quotas.reserve(project_id, SERVICE, wanted=wanted, used=lambda: used(project_id))
