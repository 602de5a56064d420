"""Placement: where a server goes, what is said when it goes nowhere, and that nothing is over-promised."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cloudweb.database.clock import now
from cloudweb.exceptions import NotYet
from compute.exceptions import NoValidHost
from compute.models import Claim, Host
from compute.scheduler import (
    ImageNeeds,
    PlacementGroup,
    PlacementRequest,
    claim,
    claimed_host,
    release,
)
from compute.scheduler.placement import _promise
from compute.scheduler.queries import condition_of
from operations import services
from operations.models import Service
from tests.builders.compute import (
    long_ago,
    make_context,
    make_host,
    make_request,
    make_service,
)

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def place(request: PlacementRequest | None = None, *, instance_id: str | None = None) -> str:
    return claim(
        make_context(),
        instance_id=instance_id or str(uuid.uuid4()),
        project_id="p",
        request=request or make_request(),
    ).host


def refusal(request: PlacementRequest) -> NoValidHost:
    with pytest.raises(NoValidHost) as caught:
        place(request)
    return caught.value


def used(name: str = "h1") -> tuple[int, int, int]:
    host = Host.objects.get(name=name)
    return host.vcpus_used, host.ram_used, host.disk_used


def test_a_claim_is_written_on_the_host_and_given_back_once() -> None:
    make_host()
    server = str(uuid.uuid4())
    assert place(make_request(vcpus=2, ram=1024, disk=10), instance_id=server) == "h1"
    assert used() == (2, 1024, 10)
    assert claimed_host(server) == "h1"
    release(server)
    release(server)
    assert used() == (0, 0, 0)
    assert claimed_host(server) is None


def test_a_second_claim_of_the_same_server_changes_nothing() -> None:
    make_host()
    server = str(uuid.uuid4())
    place(instance_id=server)
    before = used()
    assert place(instance_id=server) == "h1"
    assert used() == before
    assert Claim.objects.count() == 1


def test_a_full_host_still_keeps_the_server_it_holds() -> None:
    make_host(ram=512)
    server = str(uuid.uuid4())
    place(instance_id=server)
    assert place(instance_id=server) == "h1"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param({"enabled": False}, id="disabled"),
        pytest.param({"zone": "other"}, id="another zone"),
    ],
)
def test_a_claim_moves_from_a_host_that_is_no_longer_right(spoil: dict[str, object]) -> None:
    make_host()
    server = str(uuid.uuid4())
    place(make_request(zone="nova"), instance_id=server)
    Host.objects.filter(name="h1").update(**spoil)
    make_host("h2")
    assert place(make_request(zone="nova"), instance_id=server) == "h2"
    assert used("h1") == (0, 0, 0)
    assert used("h2") == (1, 512, 5)


def test_a_claim_moves_from_a_host_that_went_down() -> None:
    make_host()
    server = str(uuid.uuid4())
    place(instance_id=server)
    Service.objects.update(last_seen_at=long_ago())
    make_host("h2")
    assert place(instance_id=server) == "h2"


def test_a_host_is_up_that_was_heard_since_the_time_up_to_which_reports_are_read() -> None:
    make_host(last_seen_at=long_ago())
    make_service("conductor", "c1", silent_before=long_ago() - timedelta(seconds=1))
    assert place() == "h1"


def test_a_host_whose_other_agents_report_is_down_all_the_same() -> None:
    make_host(last_seen_at=long_ago())
    make_service("network", "h1")
    refusal(make_request())


def test_a_claim_moves_from_a_host_that_failed() -> None:
    make_host("h1")
    make_host("h2")
    server = str(uuid.uuid4())
    first = place(instance_id=server)
    second = place(make_request(excluded_hosts=(first,)), instance_id=server)
    assert {first, second} == {"h1", "h2"}
    assert used(first) == (0, 0, 0)


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        ({"enabled": False}, {}),
        ({"forced_down": True}, {}),
        ({"last_seen_at": None}, {}),
        ({"zone": "b"}, {"zone": "a"}),
        ({}, {"host": "another"}),
        ({}, {"driver": "libvirt"}),
        ({}, {"capabilities": ("console_log", "migrate")}),
        ({}, {"excluded_hosts": ("h1",)}),
        ({}, {"hosts": ("h2",)}),
        ({}, {"hosts": ()}),
        ({}, {"together_with": (str(uuid.uuid4()),)}),
        ({}, {"traits": ("HW_CPU_X86_AVX2",)}),
        ({"traits": {"CUSTOM_GOLD": True}}, {"traits": ("CUSTOM_GOLD",)}),
        ({"traits": {"HW_CPU_X86_AVX2": True}}, {"traits": ("CUSTOM_GOLD", "HW_CPU_X86_AVX2")}),
        ({"custom_traits": {"CUSTOM_OLD": True}}, {"forbidden_traits": ("CUSTOM_OLD", "X")}),
        ({}, {"image": ImageNeeds(architectures=("aarch64",))}),
        ({}, {"image": ImageNeeds(hypervisor_type="kvm", hypervisor="kvm")}),
        ({}, {"image": ImageNeeds(hypervisor_type="vmware", hypervisor="vmware")}),
        ({}, {"image": ImageNeeds(versions=(("gte", 8000000),), hypervisor=">=8")}),
        ({"vcpus": 1}, {"vcpus": 2}),
        ({"ram": 511}, {}),
        ({"disk": 4}, {}),
    ],
)
def test_each_filter_alone_keeps_a_server_off(
    spoil: dict[str, object], wanted: dict[str, object]
) -> None:
    make_host("h1", **spoil)
    refusal(make_request(**wanted))
    assert used() == (0, 0, 0)
    assert not Claim.objects.exists()


def test_a_host_that_was_not_heard_of_lately_is_down() -> None:
    make_host(last_seen_at=long_ago())
    assert "1 is down" in refusal(make_request()).message


def test_a_host_that_is_down_is_waited_for_unless_an_operator_gave_it_up() -> None:
    make_host("h1", last_seen_at=long_ago(), ram=4096)
    assert isinstance(refusal(make_request()), NotYet)
    assert not isinstance(refusal(make_request(ram=1 << 20)), NotYet)  # it would not fit anyway
    services.force_down("h1", "compute", forced=True)
    assert not isinstance(refusal(make_request()), NotYet)


def test_a_server_goes_with_some_and_apart_from_others_of_its_project() -> None:
    for name in ("h1", "h2", "h3"):
        make_host(name)
    ours = {name: str(uuid.uuid4()) for name in ("h1", "h2")}
    for name, server in ours.items():
        place(make_request(host=name), instance_id=server)
    both, nobody = tuple(ours.values()), str(uuid.uuid4())

    def hosts(project_id: str = "p", **wanted: Any) -> set[str]:
        """Return the hosts that some servers go to, each of which is gone again before the next."""
        found = set()
        for name in ("h1", "h2", "h3"):
            server = str(uuid.uuid4())
            try:
                found.add(
                    place(
                        make_request(host=name, project_id=project_id, **wanted),
                        instance_id=server,
                    )
                )
            except NoValidHost:
                continue
            release(server)
        return found

    assert hosts(together_with=(ours["h1"],)) == {"h1"}
    assert hosts(together_with=(*both, nobody)) == {"h1", "h2"}
    assert hosts(apart_from=(*both, nobody)) == {"h3"}
    assert hosts(together_with=both, apart_from=(ours["h1"],)) == {"h2"}
    assert hosts("q", together_with=both) == set()
    assert hosts("q", apart_from=both) == {"h1", "h2", "h3"}
    told = refusal(make_request(project_id="p", together_with=both, apart_from=both)).message
    assert "Of 3 hosts, 1 has none of the servers it is to be with and 2 have a server" in told


def test_all_that_is_asked_for_at_once_is_found() -> None:
    make_host("h1", zone="a", capabilities={"console_log": True, "snapshot": True})
    request = make_request(
        zone="a", host="h1", driver="fake", capabilities=("console_log", "snapshot")
    )
    assert place(request) == "h1"


def test_ratios_of_the_host_decide_how_much_is_promised() -> None:
    make_host(vcpus=2, cpu_ratio=1.5)
    place(make_request(vcpus=3))
    refusal(make_request(vcpus=1))


def test_what_needs_no_disk_fits_a_host_whose_disk_is_over_promised() -> None:
    make_host(disk=10, disk_used=20)
    assert place(make_request(disk=0)) == "h1"


def test_the_emptier_host_is_drawn_far_more_often() -> None:
    make_host("empty", ram=100_000, vcpus=1000)
    make_host("full", ram=100_000, ram_used=95_000, vcpus=1000, vcpus_used=950)
    hosts = [place(make_request(ram=1, disk=0)) for _ in range(20)]
    assert hosts.count("empty") > hosts.count("full")


def test_no_hosts_at_all_is_said() -> None:
    assert refusal(make_request()).message == (
        "No valid host was found. This cloud has no compute host yet."
    )


def test_the_refusal_says_what_removed_how_many_and_what_would_fit() -> None:
    make_host("h1", enabled=False, disabled_reason="new disk")
    make_host("h2", last_seen_at=long_ago())
    make_host("h3", ram=1024)
    make_host("h4", ram=4096, ram_used=3584)
    error = refusal(make_request(ram=8192))
    assert error.message == (
        "No valid host was found. Of 4 hosts, 1 is disabled, 1 is down and 2 have too little RAM left "
        "(8,192 MiB wanted, at most 1,024 MiB left). "
        "A flavor with at most 1,024 MiB of RAM would fit now."
    )
    assert not any(name in error.message for name in ("h1", "h2", "h3", "h4"))
    assert "h1: is disabled (new disk)" in error.detail
    assert "h3: 7,168 MiB of RAM short" in error.detail
    assert "h4: 7,680 MiB of RAM short" in error.detail


def test_the_remedy_names_everything_the_nearest_host_lacks() -> None:
    make_host("h1", ram=1024, vcpus=1)
    assert "A flavor with at most 1 vCPU and 1,024 MiB of RAM would fit now." in (
        refusal(make_request(ram=8192, vcpus=4)).message
    )


def test_a_place_has_its_host_s_zone() -> None:
    make_host("h1", zone="b")
    server = str(uuid.uuid4())
    wanted = {"instance_id": server, "project_id": "p", "request": make_request()}
    taken, kept = (claim(make_context(), **wanted) for _ in range(2))
    assert taken[:2] == kept[:2] == ("h1", "b")


def test_the_remedy_may_be_another_zone() -> None:
    make_host("h1", zone="b")
    message = refusal(make_request(zone="a")).message
    assert "1 is not in the availability zone a" in message
    assert message.endswith("It would fit now in the availability zone b.")


def test_nothing_a_tenant_could_change_is_said_too() -> None:
    make_host("h1", enabled=False)
    assert refusal(make_request()).message.endswith(
        "No smaller flavor would fit now either; try again later or ask the operator."
    )


def test_a_full_cloud_offers_nothing_of_size_zero() -> None:
    make_host("h1", ram=512, ram_used=512)
    message = refusal(make_request()).message
    assert "(512 MiB wanted, at most 0 MiB left)" in message
    assert "would fit now." not in message


def test_a_refusal_leaves_the_callers_transaction_usable() -> None:
    make_host(ram=100)
    with transaction.atomic():
        refusal(make_request())
        Host.objects.filter(name="h1").update(zone="changed")
    assert Host.objects.get().zone == "changed"


def _queries(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def test_placement_costs_the_same_statements_on_10_and_2000_hosts() -> None:
    counts, failed = [], []
    for size in (10, 2000):
        have = Host.objects.count()
        fresh = [f"h{number}" for number in range(have, size)]
        Host.objects.bulk_create(Host(name=name, vcpus=8, ram=9000, disk=100) for name in fresh)
        Service.objects.bulk_create(
            Service(
                topic=f"compute.{name}",
                domain="compute",
                host=name,
                number=have + index,
                last_seen_at=now() + timedelta(hours=1),
            )
            for index, name in enumerate(fresh)
        )
        counts.append(_queries(place))
        failed.append(_queries(lambda: refusal(make_request(ram=10**6))))
    assert counts[0] == counts[1] <= 6
    assert failed[0] == failed[1] <= 6


def grouped(policy: Any, **more: Any) -> PlacementRequest:
    return make_request(group=PlacementGroup(uuid.uuid4(), policy, **more))


def test_a_group_of_affinity_stays_on_the_host_of_its_first_server() -> None:
    make_host("h1"), make_host("h2")
    request = grouped("affinity")
    first = place(request)
    assert {place(request) for _ in range(3)} == {first}
    Host.objects.filter(name=first).update(ram=0)
    assert "1 has none of its server group" in refusal(request).message


def test_a_group_of_anti_affinity_has_a_host_for_each_server() -> None:
    make_host("h1"), make_host("h2")
    request = grouped("anti-affinity")
    server = str(uuid.uuid4())
    assert {place(request, instance_id=server), place(request)} == {"h1", "h2"}
    assert "2 have as many of its server group as may be on one host" in refusal(request).message
    assert place(request, instance_id=server) == claimed_host(server)
    assert Claim.objects.filter(instance_id=server).count() == 1
    release(server)
    assert place(request)


def test_a_group_of_anti_affinity_may_have_some_on_a_host() -> None:
    make_host("h1")
    request = grouped("anti-affinity", most=2)
    place(request), place(request)
    refusal(request)


@pytest.mark.parametrize("policy", ["anti-affinity", "affinity", "soft-affinity"])
def test_groups_of_a_kind_share_their_statements_and_nothing_else(policy: Any) -> None:
    """A statement for each group would cost its making, and push those of others out of memory."""
    make_host("h1"), make_host("h2", ram=2048)
    groups = [grouped(policy) for _ in range(3)]
    server = str(uuid.uuid4())
    first = place(groups[0], instance_id=server)
    made = _promise.cache_info().misses
    other = place(groups[0])
    assert (other == first) is (policy != "anti-affinity")
    Host.objects.filter(name=first).update(enabled=False)  # no other group's servers bind these
    assert {place(one) for one in groups[1:]} == {"h1", "h2"} - {first}
    assert _promise.cache_info().misses == made
    Host.objects.update(enabled=True)
    assert place(replace(groups[0], instead_of=server)) == first


def test_a_soft_group_only_prefers() -> None:
    make_host("h1", ram=2048), make_host("h2", ram=65536)
    apart, together = grouped("soft-anti-affinity"), grouped("soft-affinity")
    assert sorted(place(apart) for _ in range(4)) == ["h1", "h1", "h2", "h2"]
    first = place(together)
    assert place(together) == first
    Host.objects.filter(name=first).update(enabled=False)
    assert place(together) != first


def test_a_query_finds_the_hosts_it_asks_for() -> None:
    make_host("small", ram=2048, hypervisor_type="fake")
    make_host("large", ram=65536, vcpus=64, running_guests=3)

    def hosts(*query: Any) -> set[str]:
        found = Host.objects.filter(condition_of(query))
        return {*found.values_list("name", flat=True)}

    both = {"small", "large"}
    assert hosts(">=", "$free_ram_mb", 8192) == {"large"}
    assert hosts("<", "$vcpus_used", 1) == both
    assert hosts("in", "$hypervisor_hostname", "small", "x") == {"small"}
    assert hosts("or", ("=", "$num_instances", 3), ("=", "$hypervisor_type", "fake")) == both
    assert hosts("and", ("<=", "$vcpus_total", 8), ("not", ("=", "$host", "small"))) == set()
    assert hosts("=", "$free_disk_mb", 100 * 1024, 100 * 1024) == both
    assert hosts(">", 2, 1) == both
    assert place(make_request(query=(">", "$total_usable_ram_mb", 8192))) == "large"
    told = refusal(make_request(query=("=", "$host", "gone"), near=()))
    assert "2 are not what its query asks for" in told.message
    assert place(make_request(near=("small",))) == "small"
    assert "2 have no address near the one" in refusal(make_request(near=())).message
