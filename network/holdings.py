"""What a project still has of networks, for identity, which deletes empty projects alone."""

from __future__ import annotations

from cloudweb.events import on
from network import states
from network.models import Network, Port, SecurityGroup, Subnet


@on("project.deleting")
def say_what_is_left(project_id: str, holdings: dict[str, int]) -> None:
    """Count what has to go first; the default group is the cloud's and goes along."""
    mine = {"project_id": project_id}
    holdings["networks"] = Network.objects.filter(**mine).count()
    holdings["subnets"] = Subnet.objects.filter(**mine).count()
    holdings["ports"] = Port.objects.filter(**mine).exclude(device_owner=states.DHCP_OWNER).count()
    holdings["security groups"] = SecurityGroup.objects.filter(**mine, is_default=False).count()


@on("project.deleted")
def drop_default_group(project_id: str) -> None:
    """Remove the default group of a project that is gone."""
    SecurityGroup.objects.filter(project_id=project_id, is_default=True).delete()
