"""What hosts, aggregates and images say of one another: traits, ratios, images kept apart, failed builds."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import InvalidInput
from compute import conf
from compute.exceptions import NoValidHost
from compute.manager import AggregateManager, HostManager
from compute.models import Host
from compute.objects import HostInventory, NumaCell
from compute.scheduler import ImageNeeds, claim, note_failed_build
from compute.scheduler.placement import best
from tests.builders.compute import make_context, make_host, make_request

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SOME_IMAGE = "11111111-2222-4333-8444-555555555555"


def place(**wanted: object) -> str:
    request = make_request(**wanted)
    server = str(uuid.uuid4())
    return claim(make_context(), instance_id=server, project_id="p", request=request).host


def aggregate(*hosts: str, **metadata: str) -> int:
    manager = AggregateManager(make_context("admin"))
    made = manager.create(name=uuid.uuid4().hex)
    for host in hosts:
        manager.add_host(made.pk, host)
    manager.set_metadata(made.pk, metadata)
    return int(made.pk)


def told(**overrides: object) -> None:
    facts: dict[str, object] = {
        "driver": "fake", "capabilities": (), "hypervisor_type": "QEMU",
        "hypervisor_version": 7002000, "vcpus": 4, "ram": 4096, "disk": 50,
    }  # fmt: skip
    inventory = HostInventory.model_validate(facts | overrides)
    HostManager(RequestContext.system()).note_inventories({"h1": inventory})


def test_what_a_host_reports_and_what_operators_gave_it_are_asked_for_alike() -> None:
    make_host("h1")
    make_host("h2")
    told(
        traits=("HW_CPU_X86_AVX2",), images=(SOME_IMAGE,), cells=(NumaCell(id=0, cpus=4, ram=4096),)
    )
    hosts = HostManager(make_context("admin"))
    no_ratios = dict.fromkeys(("cpu_ratio", "ram_ratio", "disk_ratio"))
    hosts.configure("h1", zone="nova", **no_ratios, custom_traits=("CUSTOM_GOLD",))
    told(traits=("HW_CPU_X86_AVX2",))  # which takes away nothing that an operator gave
    assert place(traits=("CUSTOM_GOLD", "HW_CPU_X86_AVX2")) == "h1"
    assert place(forbidden_traits=("CUSTOM_GOLD",)) == "h2"
    assert place(forbidden_traits=("HW_CPU_X86_AVX2",)) == "h2"
    assert place(image=ImageNeeds(hypervisor_type="qemu", versions=(("gte", 7000000),))) in "h1h2"
    with pytest.raises(NoValidHost, match="2 are without CUSTOM_SILVER"):
        place(traits=("CUSTOM_SILVER",))
    with pytest.raises(InvalidInput):
        hosts.configure("h1", zone="nova", **no_ratios, custom_traits=("gold",))
    assert Host.objects.get(name="h1").cells == []


def test_aggregates_say_how_far_their_hosts_are_over_promised() -> None:
    make_host("h1", cpu_ratio=None, vcpus=2)
    one, other = aggregate("h1", cpu_allocation_ratio="3"), aggregate(cpu_allocation_ratio="1.5")
    manager = AggregateManager(make_context("admin"))
    limits = [Host.objects.get().vcpus_limit]
    manager.add_host(other, "h1")  # the least counts
    limits.append(Host.objects.get().vcpus_limit)
    with pytest.raises(NoValidHost, match="4 wanted, at most 3 left"):
        place(vcpus=4)
    assert place(vcpus=3) == "h1"
    manager.remove_host(other, "h1")
    manager.set_metadata(one, {"cpu_allocation_ratio": None})
    limits.append(Host.objects.get().vcpus_limit)
    assert limits == [6, 3, int(2 * conf.CAPACITY.cpu_ratio)]
    for wrong in ("0", "-1", "nan", "inf", "much"):
        with pytest.raises(InvalidInput):
            manager.set_metadata(one, {"ram_allocation_ratio": wrong})


def test_hosts_of_aggregates_that_say_otherwise_of_an_image_are_kept_from_it() -> None:
    make_host("h1")
    make_host("h2")
    windows = aggregate("h1", os_distro="windows,reactos")
    manager = AggregateManager(make_context())
    refused = {
        distro: tuple(manager.refusing({"os_distro": distro} if distro else {}))
        for distro in ("windows", "reactos", "debian", "")
    }
    assert refused == {"windows": (), "reactos": (), "debian": (windows,), "": ()}
    assert place(refused_aggregates=refused["debian"]) == "h2"
    make_host("h3", enabled=False)
    Host.objects.filter(name="h2").update(enabled=False)
    with pytest.raises(NoValidHost, match="1 is kept for other images"):
        place(refused_aggregates=refused["debian"])


def test_a_host_that_has_the_image_is_preferred_and_one_that_fails_is_not() -> None:
    for name in ("h1", "h2", "h3"):
        make_host(name)
    Host.objects.filter(name="h2").update(images={SOME_IMAGE: True})
    note_failed_build("h3")
    names = [one.name for one in best(make_request(image_id=SOME_IMAGE), "p")]
    assert names == ["h2", "h1", "h3"]
    assert [one.more for one in best(make_request(image_id="'; --\""), "p")] == [0, 0, 0]
    hosts = HostManager(RequestContext.system())
    hosts.forgive()
    assert Host.objects.get(name="h3").build_failures == 1
    long_ago = now() - conf.FAILURES_COUNT_FOR - timedelta(seconds=1)
    Host.objects.filter(name="h3").update(failed_at=long_ago)
    hosts.forgive()
    again = Host.objects.get(name="h3")
    assert (again.build_failures, again.weight) == (0, Host.objects.get(name="h1").weight)
    note_failed_build("h3")
    HostManager(make_context("admin")).enable("h3")
    assert Host.objects.get(name="h3").build_failures == 0
