"""Servers are built on hosts that their networks reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudweb.context import RequestContext
from instances.models import Instance
from network.drivers.fake import FakeNetworkDriver
from tests.builders.instances import lab
from tests.builders.networks import make_network, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def test_a_server_is_built_where_all_its_networks_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = {"h1": (), "h2": ("vxlan",), "h3": ("vxlan", "vlan")}
    wires = {"h1": ("dc",), "h2": ("dc",), "h3": ()}
    for name, said in (("network_types", types), ("physical_networks", wires)):
        told = property(lambda driver, said=said: said.get(driver.host, ()))  # type: ignore[misc]
        monkeypatch.setattr(FakeNetworkDriver, name, told)
    monkeypatch.setattr("network.conf.PHYSICAL_NETWORKS", ["dc"])
    with lab(tmp_path, hosts=3) as made:
        admin = RequestContext.system(project_id=made.context.project_id)
        vxlan = make_network(admin, kind="vxlan", segmentation_id=5)
        vlan = make_network(admin, kind="vlan", physical_network="dc", segmentation_id=5)
        for network in (vxlan, vlan):
            make_subnet(network, admin)

        def built(*networks: object) -> Instance:
            server = made.create(networks=[{"uuid": str(one)} for one in networks])
            return Instance.objects.get(id=server)

        assert {built(vxlan.id).host for _ in range(4)} <= {"h2", "h3"}
        assert built(made.network.id).vm_state == "active"
        nowhere = built(vxlan.id, vlan.id)
        assert (nowhere.vm_state, nowhere.host) == ("error", "")
        assert "3 are not on its networks" in made.show(str(nowhere.id))["fault"]["message"]
