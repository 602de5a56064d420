"""What network agents report as problems and strays reaches the operator."""

from __future__ import annotations

import pytest
from django.test import Client

from cloudweb.exceptions import PolicyNotAuthorized
from network.manager import AgentManager
from network.models import Agent
from network.objects import NetworkInventory, NetworkReport, PortStatus
from operations.reporting import Parts, deliver
from tests.builders.browsers import text_of
from tests.builders.identity import make_context, make_member

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
STRAY = PortStatus(id="p1", network_id="n1", tap="tapp1", up=True)


def report(host: str, **facts: object) -> None:
    inventory = NetworkInventory(driver="LinuxBridgeDriver", **facts)  # type: ignore[arg-type]
    deliver([Parts(host, {"network": NetworkReport(inventory=inventory).dump()})])


def test_operators_see_what_a_host_cannot_put_right(client: Client) -> None:
    report("h1", networks=("a", "b"), problems=("network a: its bridge is gone",), strays=(STRAY,))
    report("h2", ports=(STRAY,))
    operator = make_member("admin")
    client.force_login(operator, backend="identity.backends.SqlBackend")
    page = text_of(client.get("/admin/network/agent/"))
    assert "1 problem, 1 stray" in page
    assert "fine" in page
    only = text_of(client.get("/admin/network/agent/?look=yes"))
    assert "h1" in only
    assert "h2" not in only
    one = text_of(client.get(f"/admin/network/agent/{Agent.objects.get(host='h1').pk}/change/"))
    assert "network a: its bridge is gone" in one
    assert "tapp1: port p1, network n1" in one
    report("h1")
    assert Agent.objects.get(host="h1").problems == []


def test_a_report_without_an_inventory_changes_nothing_and_no_user_may_report() -> None:
    report("h1", problems=("network a: it is broken",))
    deliver([Parts("h1", {"network": NetworkReport().dump()})])
    assert Agent.objects.get().problems == ["network a: it is broken"]
    with pytest.raises(PolicyNotAuthorized):
        AgentManager(make_context(make_member("admin"))).report("h1", NetworkInventory(driver="x"))
