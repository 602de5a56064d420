"""Servers with NUMA nodes, dedicated processors and large pages: over HTTP, on simulated hosts of two cells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from compute import conf as compute_conf
from compute.models import Claim, Flavor, Host
from instances.models import Instance
from tests.builders.backups import api_in_process
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import client_with, make_member
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Two hosts of 8 processors, of which 2 and 3, and 6 and 7, are for servers that are pinned."""
    monkeypatch.setattr(compute_conf, "CPU_DEDICATED_SET", (2, 3, 6, 7))
    with lab(tmp_path, hosts=0) as found, api_in_process():
        for name in ("h1", "h2"):
            found.add_host(name, vcpus=8, ram=8192)
        yield found


def flavor(vcpus: int = 2, **specs: str) -> str:
    keys = {f"hw:{key}": value for key, value in specs.items()}
    name = f"f{Flavor.objects.count()}"
    row = Flavor.objects.create(id=name, name=name, ram=512, vcpus=vcpus, disk=1)
    for key, value in keys.items():
        row.extra_specs.create(key=key, value=value)
    return name


def act(made: Lab, server: str, action: str, value: Any = None, *, version: str = "2.96") -> Any:
    operator, path = client_with("admin"), f"/servers/{server}/action"
    answer = made.send("POST", path, {action: value}, client=operator, version=version)
    made.cloud.settle()
    return answer


def nodes(made: Lab, server: str, *, client: Any = None) -> Any:
    path = f"/servers/{server}/topology"
    return made.send("GET", path, version="2.78", client=client or client_with("admin")).json()


def where(server: str) -> tuple[str, list[list[int]]]:
    row = Instance.objects.get(id=server)
    claim = Claim.objects.get(instance_id=server)
    assert claim.host.name == row.host
    assert claim.cells == row.cells
    return row.host, [cell["pins"] for cell in row.cells or ()]


def running_on(made: Lab) -> list[int]:
    """What guests are pinned to, by what the simulated hypervisors say; host after host."""
    hosts = [made.guests[name]._guests.values() for name in ("h1", "h2")]
    return [
        pin
        for guests in hosts
        for pin in sorted(
            pin for guest in guests if guest.power_state == "running" for pin in guest.pins
        )
    ]


def test_a_server_has_its_processors_wherever_it_goes(made: Lab) -> None:
    two = flavor(numa_nodes="2", cpu_policy="dedicated", mem_page_size="large")
    server = made.create(flavorRef=two)
    first, pins = where(server)
    assert sorted(map(tuple, pins)) == [(2,), (6,)]
    shown = [
        {"memory_mb": 256, "vcpu_set": [number], "siblings": []}
        | {"cpu_pinning": {str(number): pin}, "host_node": (0, 1)[pin == 6]}
        for number, (pin,) in enumerate(pins)
    ]
    assert nodes(made, server) == {"nodes": shown, "pagesize_kb": 2048}
    bare = nodes(made, server, client=made.client)  # its tenant is told nothing of hosts
    assert [sorted(one) for one in bare["nodes"]] == [["memory_mb", "siblings", "vcpu_set"]] * 2
    tenant = browser_of(make_member("member", password=PASSWORD, project=made.project))
    text = text_of(tenant.get(reverse("server", args=[server])))
    assert "NUMA nodes 2 · 2 dedicated CPUs · pages of 2 MiB" in " ".join(text.split())
    operator = browser_of(make_member("admin", password=PASSWORD))
    text = text_of(operator.get(f"/admin/instances/instance/{server}/change/"))
    assert "pinned to 6 of cell 1, 256 MiB in pages of 2,048 KiB" in text
    beside = made.create(flavorRef=two, imageRef=str(made.image.id))
    assert running_on(made) in ([2, 3, 6, 7], [2, 6, 2, 6])
    made.client.send("DELETE", f"/compute/v2.1/servers/{beside}")
    made.cloud.settle()

    assert (
        act(made, server, "os-migrateLive", {"host": None, "block_migration": "auto"}).status_code
        == 202
    )
    second, pins = where(server)
    assert (second != first, sorted(pins), running_on(made)) == (True, [[2], [6]], [2, 6])
    act(made, server, "migrate")
    assert (
        Host.objects.values_list("pinned", flat=True).order_by("number")[0] == 2
    )  # of each, until it
    assert Host.objects.values_list("pinned", flat=True).order_by("number")[1] == 2  # is confirmed
    act(made, server, "revertResize")
    assert (where(server)[0], running_on(made)) == (second, [2, 6])
    act(made, server, "migrate")
    act(made, server, "confirmResize")
    assert (where(server)[0], running_on(made)) == (first, [2, 6])
    assert act(made, server, "shelve").status_code == 202, made.show(server)
    assert (nodes(made, server), [*Host.objects.values_list("pinned", flat=True)]) == (
        {"nodes": [], "pagesize_kb": None},
        [0, 0],
    )
    act(made, server, "unshelve")
    assert (made.show(server)["status"], running_on(made)) == ("ACTIVE", [2, 6])
    act(made, server, "resize", {"flavorRef": made.flavor.id})
    act(made, server, "confirmResize")
    assert (nodes(made, server)["nodes"], running_on(made)) == ([], [])
    assert [*Host.objects.values_list("pinned", flat=True)] == [0, 0]


def test_a_server_has_some_processors_and_shares_others(made: Lab) -> None:
    mixed = flavor(4, cpu_policy="mixed", cpu_dedicated_mask="1-2")
    servers = [made.create(flavorRef=mixed) for _ in range(5)]
    server = servers[0]
    assert [made.show(one)["status"] for one in servers] == ["ACTIVE"] * 4 + ["ERROR"]
    (pins,) = where(server)[1]
    assert nodes(made, server)["nodes"] == [
        {"memory_mb": 512, "vcpu_set": [0, 1, 2, 3], "siblings": [[1, 2]]}
        | {"cpu_pinning": {"1": pins[0], "2": pins[1]}, "host_node": pins[0] // 4}
    ]
    assert running_on(made) == [2, 3, 6, 7] * 2
    held = Host.objects.values_list("pinned", "vcpus_used").order_by("number")
    assert [*held] == [(4, 4), (4, 4)]
    tenant = browser_of(make_member("member", password=PASSWORD, project=made.project))
    text = text_of(tenant.get(reverse("server", args=[server])))
    assert "NUMA nodes 1 · 2 dedicated CPUs of 4" in " ".join(text.split())
    operator = browser_of(make_member("admin", password=PASSWORD))
    text = text_of(operator.get(f"/admin/instances/instance/{server}/change/"))
    assert f"CPUs 1-2 pinned to {pins[0]}, {pins[1]} and 0,3 shared of cell {pins[0] // 4}" in text
    dry = made.send("POST", "/os-dry-run", made.body(flavorRef=mixed), client=client_with("admin"))
    (removed,) = dry.json()["dry_run"]["removed"]
    assert "(1 NUMA node, 2 dedicated CPUs and 2 shared)" in removed["reason"]
    made.client.send("DELETE", f"/compute/v2.1/servers/{servers[1]}")
    made.cloud.settle()
    act(made, server, "os-migrateLive", {"host": None, "block_migration": "auto"})
    assert made.show(server)["status"] == "ACTIVE"
    assert [sum(pair) for pair in held.all()] in ([8, 4], [4, 8])


def test_a_server_for_which_there_are_no_processors_says_why(made: Lab) -> None:
    pinned = flavor(2, cpu_policy="dedicated")
    servers = [made.create(flavorRef=pinned) for _ in range(5)]
    assert running_on(made) == [2, 3, 6, 7] * 2
    fault = Instance.objects.get(id=servers[-1]).fault_message
    assert (
        "Of 2 hosts, 2 cannot fit the requested NUMA topology (1 NUMA node, 2 dedicated CPUs)."
        in fault
    )
    answer = act(made, servers[0], "os-migrateLive", {"host": None, "block_migration": "auto"})
    assert (answer.status_code, made.show(servers[0])["status"]) == (202, "ACTIVE")  # it stays
    dry = made.send("POST", "/os-dry-run", made.body(flavorRef=pinned), client=client_with("admin"))
    assert dry.json()["dry_run"]["removed"] == [
        {"filter": "numa", "hosts": 2, "reason": fault.partition("hosts, ")[2].partition(".")[0]}
    ]


def test_what_contradicts_itself_is_a_400_at_once(made: Lab) -> None:
    made.image.properties.create(name="hw_numa_nodes", value="2")
    path = "/compute/v2.1/servers"
    for specs, words in (
        ({"numa_nodes": "2"}, "Image property 'hw_numa_nodes' is not permitted to override"),
        (
            {"cpu_thread_policy": "prefer"},
            "Cannot set cpu thread pinning policy in a non dedicated",
        ),
        ({"mem_page_size": "huge"}, "Invalid memory page size 'huge'"),
        ({"cpu_policy": "mixed"}, "The 'mixed' CPU policy needs 'hw:cpu_dedicated_mask'"),
        ({"cpu_dedicated_mask": "0"}, "'hw:cpu_dedicated_mask' without the 'mixed' policy"),
    ):
        answer = made.client.send("POST", path, made.body(flavorRef=flavor(**specs)))
        assert (answer.status_code, words in answer.json()["badRequest"]["message"]) == (400, True)
    made.image.properties.all().delete()
    server = made.create(flavorRef=flavor(cpu_policy="shared"))
    wrong = act(made, server, "resize", {"flavorRef": flavor(numa_nodes="3")})
    assert "cannot be evenly distributed" in wrong.json()["badRequest"]["message"]
    made.image.properties.create(name="hw_numa_nodes", value="2")
    wrong = act(made, server, "rebuild", {"imageRef": str(made.image.id)})
    assert wrong.json()["badRequest"]["message"].startswith("An instance's NUMA topology cannot be")
    made.image.properties.create(name="hw_cpu_policy", value="dedicated")
    wrong = act(made, server, "rebuild", {"imageRef": str(made.image.id)})
    assert "'hw_cpu_policy' is not permitted" in wrong.json()["badRequest"]["message"]
    assert made.show(server)["status"] == "ACTIVE"
