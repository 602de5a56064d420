"""Network agents over the API: shape, filters, what may be changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudweb.database.clock import now
from tests.builders.identity import ApiClient, client_with
from tests.builders.networks import make_agent

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
AGENTS = "/network/v2.0/agents"


def hosts(client: ApiClient, query: str) -> list[str]:
    answer = client.send("GET", f"{AGENTS}?{query}")
    assert answer.status_code == 200, answer.content
    return [one["host"] for one in answer.json()["agents"]]


def test_agents_are_the_network_services_of_hosts() -> None:
    up = make_agent("h1")
    make_agent("h2", last_seen_at=now() - timedelta(minutes=5))
    admin = client_with("admin")
    agent = admin.send("GET", f"{AGENTS}/{up.id}").json()["agent"]
    assert agent.keys() == {
        "id", "agent_type", "binary", "host", "topic", "alive", "admin_state_up", "description",
        "availability_zone", "configurations", "resources_synced", "created_at", "started_at",
        "heartbeat_timestamp",
    }  # fmt: skip
    assert (agent["host"], agent["alive"], agent["admin_state_up"]) == ("h1", True, True)
    assert agent["configurations"] == {
        "driver": "FakeNetworkDriver", "networks": 0, "ports": 0,
        "tunneling_ip": None, "tunnel_types": [], "physical_networks": [],
    }  # fmt: skip
    assert len(agent["heartbeat_timestamp"]) == 19
    found = {
        query: hosts(admin, query)
        for query in (
            "",
            "host=h2",
            "alive=True",
            "alive=false",
            f"id={up.id}",
            "host=h1&host=h2&alive=True",
            "agent_type=L3 agent",
            "binary=neutron-linuxbridge-agent&sort_key=host&sort_dir=asc&limit=5",
        )
    }
    assert [*found.values()] == [
        ["h1", "h2"], ["h2"], ["h1"], ["h2"], ["h1"], ["h1"], [], ["h1", "h2"],
    ], found  # fmt: skip
    assert admin.send("GET", f"{AGENTS}?fields=host").json() == {
        "agents": [{"host": "h1"}, {"host": "h2"}]
    }
    assert admin.send("GET", f"{AGENTS}?colour=red").status_code == 400
    alias = admin.send("GET", "/network/v2.0/extensions/agent")
    assert alias.status_code == 200


def test_what_may_be_changed_of_an_agent() -> None:
    url = f"{AGENTS}/{make_agent('h1').id}"
    admin = client_with("admin")
    said = {
        str(change): admin.send("PUT", url, {"agent": change}).status_code
        for change in (
            {"description": "rack 4"},
            {"admin_state_up": True},
            {"admin_state_up": False},
            {"description": "a\nb"},
            {"host": "h2"},
        )
    }
    assert [*said.values()] == [200, 200, 400, 400, 400], said
    assert admin.send("GET", url).json()["agent"]["description"] == "rack 4"
    for missing in ("nothing", "00000000-0000-0000-0000-000000000000"):
        assert admin.send("GET", f"{AGENTS}/{missing}").status_code == 404
        assert admin.send("PUT", f"{AGENTS}/{missing}", {"agent": {}}).status_code == 404
