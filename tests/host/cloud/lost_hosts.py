"""Hosts that are lost: one hangs and is switched off, of one it is wrongly said that it is off; both come back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from openstack.connection import Connection

from tests.builders.bmc import PASSWORD, USER, RedfishService
from tests.host.cloud.namespaces import NamespacedHost
from tests.host.cloud.operator_pages import OperatorPages
from tests.host.cloud.reaching import Reach, unpaid
from tests.host.cloud.tenants import BOOT, Server
from tests.host.cloud.travellers import Traveller
from tests.infrastructure import Cloud, wait_until

#: Counts on a place of its own on a volume, each number flushed before the next.
COUNTS = """\
(n=0; while :; do n=$((n+1)); echo $n | dd of=$d bs=512 seek=32768 conv=notrunc,fsync; sleep 0.1
done) </dev/null >/dev/null 2>&1 &"""
COUNT = (
    "echo 3 >/proc/sys/vm/drop_caches; dd if=$d bs=512 skip=32768 count=1 2>/dev/null | head -n 1"
)


@dataclass
class LostHosts:
    """The hosts of a cloud, their power control, and the operator, who looks at them by his pages."""

    cloud: Cloud
    admin: Connection
    reach: Reach
    hosts: dict[str, NamespacedHost]
    control: RedfishService
    pages: OperatorPages
    begun: float = 0.0
    times: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let the power control be known, and switch the hosts."""
        self.control.switch = self._switch
        for name in self.hosts:
            self.pages.send(
                "/admin/compute/hostfence/add/", host=self.pages.key_of(name), kind="redfish",
                address=self.control.address, user=USER, new_password=PASSWORD, machine=name,
                verify="on", ca=self.control.ca,
            )  # fmt: skip

    def _switch(self, machine: str, power: str) -> None:
        host = self.hosts[machine]
        (host.die if power == "Off" else host.boot)()

    def lose(self, name: str) -> None:
        """Let its agents hang, while its guests go on."""
        self.begun = time.monotonic()
        self.hosts[name].hang()

    def took(self, what: str) -> None:
        """Keep how long it took since the host was lost, or since something began."""
        now = time.monotonic()
        self.times[what], self.begun = now - self.begun, now

    def is_in(self, name: str, state: str) -> bool:
        """Tell whether all services of a host are up, or down."""
        found = {one.state for one in self.admin.compute.services() if one.host == name}
        return found == {state}

    def copies(self, server: Server) -> list[str]:
        """Return the hosts on which a guest of a server runs."""
        return [
            name
            for name, host in self.hosts.items()
            if any(server.id in words for words in host.guests())
        ]

    def evacuate(self, server: Server) -> Any:
        """Ask for it; return the answer."""
        path, body = f"/servers/{server.id}/action", {"evacuate": {}}
        return self.admin.compute.post(path, json=body, microversion="2.94")

    def refuses(self, server: Server, words: str) -> None:
        """An evacuation is refused, and nothing moves."""
        answer = self.evacuate(server)
        assert (answer.status_code, words in answer.text) == (409, True), answer.text

    def arrives(self, server: Server, name: str) -> None:
        """A server is built again on a host."""
        server.wait("ACTIVE")
        assert self.admin.compute.get_server(server.id).hypervisor_hostname == name
        self.reach.hosts[server.id] = self.hosts[name]

    def is_back(self, name: str) -> None:
        """A host paid what it owed."""
        wait_until(lambda: unpaid(self.cloud) == 0, what=f"{name} pays its debts")
        wait_until(lambda: self.is_in(name, "up"), what=f"{name} is up")

    # -- what happens

    def cut_the_power(self, server: Server, *, of: str, to: str) -> None:
        """A host that hangs keeps its server until its power is off: then that is built again."""
        wait_until(lambda: self.is_in(of, "down"), what=f"{of} shows as down")
        self.took("detected")
        self.refuses(server, "not known to be off")
        assert self.reach.answers(server), "silence is no proof: it runs"
        assert self.copies(server) == [of]
        self.begun = time.monotonic()
        self.pages.act("power_off", of, reason="it hangs")
        wait_until(lambda: self.evacuate(server).ok, what="its power control says off")
        self.took("fenced")
        self.arrives(server, to)
        self.took("evacuated")
        assert self.control.powers[of] == "Off"
        assert self.copies(server) == [to]

    def take_for_off(self, volumes: Sequence[Traveller], *, of: str, to: str) -> list[str]:
        """Of a host that is on somebody says that it is off; return what is counted on each volume then."""
        server = volumes[0].server
        assert server is not None
        wait_until(lambda: self.is_in(of, "down"), what=f"{of} shows as down")
        self.refuses(server, "not known to be off")
        for one in volumes[1:]:  # the lost host kept it: what all reach another one can keep
            self.keeps(one, to)
        self.pages.act("confirm_off", of, reason="no light at its front")
        assert "no light at its front" in self.pages.read("/admin/compute/hostfailure/")
        assert "compute:failures:confirm" in self.pages.read("/admin/audit/record/")
        evacuate = ("server", "evacuate", "--host", to, server.id)
        at = ("--os-compute-api-version", "2.94")  # from 2.95 on it would be off there
        self.cloud.openstack(*at, *evacuate, cloud="cloudweb-admin")
        self.arrives(server, to)
        wait_until(partial(self.reach.answers, server), timeout=BOOT, what="it boots there")
        assert self.copies(server) == sorted((of, to)), "its old guest was to run on"
        counts = []
        for one in volumes:
            one.check()
            counts.append(one.does(COUNT))
            assert int(counts[-1]) > 0, "its old guest was to write"
        return counts

    def comes_to_itself(
        self, volumes: Sequence[Traveller], counts: Sequence[str], *, host: str, to: str
    ) -> None:
        """The host that was on all the time stops its copy; nothing of it came onto the volumes."""
        server = volumes[0].server
        assert server is not None
        self.hosts[host].go_on()
        self.is_back(host)
        assert self.copies(server) == [to]
        for one, count in zip(volumes, counts, strict=True):
            now = one.does(COUNT)
            assert now == count, f"{one.row.name}: {now!r}, it was {count!r}"
            one.check()

    def keeps(self, volume: Traveller, name: str) -> None:
        """Another host keeps a volume of Ceph from now on, whoever is down; its guest notices nothing."""
        self.admin.block_storage.migrate_volume(volume.id, host=f"{name}@ceph#default")
        assert self.admin.block_storage.get_volume(volume.id).host == f"{name}@ceph#default"


def lose_both(
    lost: LostHosts,
    volume: Traveller,
    other: Traveller,
    in_ceph: Sequence[Traveller],
    *,
    image_id: str,
) -> Server:
    """Each host is lost once, and each has a volume of the other's server; return a server that is off.

    ``volume`` is of ha, its server on hb, which has those ``in_ceph`` too; ``other`` is of hb, its server on ha.
    """
    on_a, on_b = other.server, volume.server
    assert on_a is not None
    assert on_b is not None
    tenant = lost.reach.tenant
    lost.lose("ha")
    lost.refuses(on_a, "is still in use")
    spare = tenant.create("spare", image_id=image_id, availability_zone="nova:hb")
    lost.cut_the_power(on_a, of="ha", to="hb")
    spare.wait_for_boot()
    spare.api.stop_server(spare.id)
    spare.wait("SHUTOFF")
    volume.does("rm -f $w; (dd if=$a of=$d bs=1M conv=fsync; touch $w) >/dev/null 2>&1 &")
    volume.does("test ! -e $w")  # who writes to a volume of a dead host waits
    for one in in_ceph:
        one.write()  # who writes to one that is no host's does not
        lost.keeps(one, "hb")

    lost.pages.act("power_on", "ha")
    lost.is_back("ha")
    assert lost.copies(on_a) == ["hb"]
    volume.does("until test -e $w; do sleep 0.2; done")
    volume.check()

    volumes = (volume, *in_ceph)
    for one in volumes:
        one.does(COUNTS)
    lost.lose("hb")
    wait_until(partial(lost.reach.answers, on_a), timeout=BOOT, what="it boots beside its volume")
    other.check()  # what was flushed before its host was lost

    counts = lost.take_for_off(volumes, of="hb", to="ha")
    lost.comes_to_itself(volumes, counts, host="hb", to="ha")
    other.check()  # it was on that host all the time
    return spare
