"""Whom Ceph's fence cuts off of those who are at an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from volume.drivers.ceph.cluster import CephConfig, Client, Cluster
from volume.drivers.ceph.fence import Fence


class Sketch(Cluster):
    """A cluster of which we say who is connected as whom, and who is at the image."""

    def __init__(self, sessions: Mapping[str, set[str]], at_it: Sequence[str]) -> None:
        super().__init__(CephConfig(conf="", user="cloudweb", pools=("volumes",)))
        self.sessions = {f"cloudweb-{name}": one for name, one in sessions.items()}
        self.at_it, self.blocked = at_it, set[str]()

    def remove_user(self, name: str) -> Mapping[str, set[str]]:
        return self.sessions

    def clients(self, image: str) -> Sequence[Client]:
        return [Client(one) for one in self.at_it]

    def blocklist(self, addresses: Mapping[str, int]) -> None:
        self.blocked |= {*addresses}


def test_who_has_it_by_another_host_since_stays() -> None:
    """Its volume was taken over while this host was away; now this host does what it owed."""
    cluster = Sketch({"late": {"a:0/1"}, "present": {"b:0/2"}}, ["a:0/1", "b:0/2", "c:0/3"])
    Fence(cluster).put_out("late", "volumes/volume-1")
    assert cluster.blocked == {"a:0/1", "c:0/3"}
