"""Which flavors a caller sees, and what can be asked of hosts in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, F, FloatField, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat

from cloudweb.context import RequestContext
from cloudweb.database.prepared import Given
from compute import conf
from operations import services

if TYPE_CHECKING:
    from compute.models import Flavor, Host  # noqa: F401

#: The domain of hosts' agents that this app looks after.
DOMAIN = "compute"


class FlavorQuerySet(QuerySet["Flavor"]):
    """Flavors."""

    def visible_to(self, context: RequestContext) -> FlavorQuerySet:
        """Keep what exists for this caller: public flavors and those granted to its project."""
        return self if context.is_admin else self.open_to(context.project_id).filter(disabled=False)

    def open_to(self, project_id: str | Given | None) -> FlavorQuerySet:
        """Keep public flavors and those this project was granted."""
        condition = Q(is_public=True)
        if project_id is not None:
            granted = self.model.objects.filter(access__project_id=project_id)
            condition |= Q(pk__in=granted.values("pk"))
        return self.filter(condition)


def is_up(since: Value | None = None) -> Q:
    """Return the condition that a host's compute agent is up: looked up for each host that is looked at."""
    topic = Concat(Value(f"{DOMAIN}."), OuterRef("name"))
    return Q(Exists(services.agents_up(since).filter(topic=topic)))


def may_come_back() -> Q:
    """Return the condition that a host which is down is one to wait for."""
    return ~Q(name__in=services.given_up_hosts(DOMAIN))


def _left(
    total: str | Combinable, ratio: str, default: float, reserved: int, used: str
) -> Combinable:
    """Of ``total * ratio - reserved``, what is not ``used``; a fraction or less than 0 where over-promised."""
    times = Coalesce(F(ratio), F(f"shared_{ratio}"), Value(default))
    limit = Cast(F(total) if isinstance(total, str) else total, FloatField()) * times
    return limit - Value(reserved) - F(used)


VCPUS_LEFT = _left(
    F("vcpus") - F("dedicated"), "cpu_ratio", conf.CAPACITY.cpu_ratio, 0, "vcpus_used"
)
RAM_LEFT = _left(
    "ram", "ram_ratio", conf.CAPACITY.ram_ratio, conf.CAPACITY.reserved_ram, "ram_used"
)
DISK_LEFT = _left(
    "disk", "disk_ratio", conf.CAPACITY.disk_ratio, conf.CAPACITY.reserved_disk, "disk_used"
)


class HostQuerySet(QuerySet["Host"]):
    """Hosts."""

    def up(self) -> HostQuerySet:
        """Keep hosts whose compute agent is up."""
        return self.filter(is_up())

    def with_room(self) -> HostQuerySet:
        """Let conditions name what may still be promised: ``vcpus_left``, ``ram_left``, ``disk_left``."""
        return self.alias(vcpus_left=VCPUS_LEFT, ram_left=RAM_LEFT, disk_left=DISK_LEFT)
