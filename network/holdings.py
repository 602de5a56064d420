"""What a project still has of networks, for identity, which deletes empty projects alone."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.events import on
from cloudweb.holdings import hangs_on
from identity.events import ProjectDeleted
from network import states
from network.models import (
    Agent,
    FloatingIp,
    HeldForwarding,
    HeldSet,
    Network,
    Port,
    QosPolicy,
    Router,
    SecurityGroup,
    SegmentRange,
    Subnet,
    Trunk,
)
from operations.events import HostLeft


@hangs_on("project")
def say_what_is_left(project_id: str) -> Mapping[str, int]:
    """Count what has to go first; the default group is the cloud's and goes along."""
    mine = {"project_id": project_id}
    return {
        "networks": Network.objects.filter(**mine).count(),
        "subnets": Subnet.objects.filter(**mine).count(),
        "ports": Port.objects.filter(**mine)
        .exclude(device_owner__in=states.UNASKED_OWNERS)
        .count(),
        "routers": Router.objects.filter(**mine).count(),
        "floating IPs": FloatingIp.objects.filter(**mine).count(),
        "QoS policies": QosPolicy.objects.filter(**mine).count(),
        "trunks": Trunk.objects.filter(**mine).count(),
        "security groups": SecurityGroup.objects.filter(**mine, is_default=False).count(),
    }


@hangs_on("host")
def say_what_is_there(host: str) -> Mapping[str, int]:
    """Count what of networks is on a host."""
    return {
        "ports": Port.objects.filter(host=host).count(),
        "routers": Router.objects.filter(host=host).count(),
    }


@on(HostLeft)
def forget_host(left: HostLeft) -> None:
    """Forget what a host that is gone had been told."""
    for model in (Agent, HeldForwarding, HeldSet):
        model.objects.filter(host=left.host).delete()


@on(ProjectDeleted)
def drop_own_ranges(gone: ProjectDeleted) -> None:
    """Let the numbers that were kept for a project be everybody's again."""
    SegmentRange.objects.filter(project_id=gone.project_id).delete()


@on(ProjectDeleted)
def drop_default_group(gone: ProjectDeleted) -> None:
    """Remove the default group of a project that is gone."""
    SecurityGroup.objects.filter(project_id=gone.project_id, is_default=True).delete()
