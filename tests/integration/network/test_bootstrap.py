"""A cloud's first networks, and projects that own some."""

from __future__ import annotations

import pytest

from cloudweb.context import RequestContext
from identity.exceptions import ProjectInUse
from identity.manager import ProjectManager
from network.bootstrap import ensure_demo_network, ensure_public_network
from network.manager import NetworkManager, SecurityGroupManager
from network.models import Network, SecurityGroup, SegmentRange, Subnet
from tests.builders.identity import make_project
from tests.builders.networks import make_context, make_port, make_range

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SYSTEM = RequestContext.system()


def test_first_networks_are_made_once_and_left_as_they_are() -> None:
    operator, demo = make_project(), make_project()
    for _ in range(2):
        public = ensure_public_network(project_id=operator.pk, cidr="192.0.2.0/24")
        private = ensure_demo_network(demo.pk)
        NetworkManager(SYSTEM).update(public.id, name="renamed")
    assert (Network.objects.count(), Subnet.objects.count()) == (2, 2)
    tenant = make_context(project_id=demo.pk)
    usable = NetworkManager(tenant).usable_by_servers()
    assert [network.id for network in usable] == [private.id, public.id]
    port = make_port(public, tenant)
    assert port.addresses.get().ip_address == "192.0.2.3"  # .1 the gateway, .2 DHCP


def test_a_project_that_owns_networks_stays() -> None:
    project = make_project()
    network = ensure_demo_network(project.pk)
    SecurityGroupManager(SYSTEM).ensure_default(project.pk)
    with pytest.raises(ProjectInUse, match="1 networks"):
        ProjectManager(SYSTEM).delete(project.pk)
    NetworkManager(SYSTEM).delete(network.id)
    make_range(shared=False, project_id=project.pk)
    ProjectManager(SYSTEM).delete(project.pk)
    assert not SegmentRange.objects.exists()
    assert not SecurityGroup.objects.exists()
