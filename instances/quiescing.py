"""Servers that are held still, their file systems or all of them, while their volumes are snapshotted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.rpc import Order
from compute.manager import HostManager
from compute.objects import FreezeRequest, FreezeState, ThawRequest
from compute.rpc import FREEZE, THAW
from instances.conf import FREEZE_SECONDS
from instances.models import Instance
from instances.states import VmState
from operations.holding import Resource
from volume import quiescing
from volume.quiescing import Stillness

#: What writes nothing while nobody else works on it.
AT_REST = frozenset({VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED})


class ServerQuiescer:
    """Servers that run, whose image says that QEMU's agent is in them, on hosts that can ask it."""

    def able(self, server_ids: Collection[str]) -> Sequence[str]:
        """Return those that can be frozen now."""
        rows = Instance.objects.alive().filter(
            id__in=_keys(server_ids), vm_state=VmState.ACTIVE, guest_agent=True
        )
        found = {str(key): host for key, host in rows.values_list("id", "host")}
        hosts = HostManager(RequestContext.system()).up_with("freeze", {*found.values()})
        return sorted(key for key, host in found.items() if host in hosts)

    def pausable(self, server_ids: Collection[str]) -> Mapping[str, bool]:
        """Return those that run where guests are paused, and those that do not run."""
        rows = Instance.objects.alive().filter(id__in=_keys(server_ids), task_state=None)
        found = {str(key): said for key, *said in rows.values_list("id", "vm_state", "host")}
        runs = {key: host for key, (state, host) in found.items() if state == VmState.ACTIVE}
        hosts = HostManager(RequestContext.system()).up_with("pause", {*runs.values()})
        can = {key: True for key, host in runs.items() if host in hosts}
        return can | {key: False for key, (state, _) in found.items() if state in AT_REST}

    def holds(self, server_ids: Sequence[str]) -> Sequence[Resource]:
        """Return the servers: nobody reboots one, or takes a disk from it, meanwhile."""
        return [Resource("instance", key) for key in server_ids]

    def freeze(
        self, server_ids: Sequence[str], *, paused: Sequence[str], name: str
    ) -> Sequence[Order]:
        """Order each host to hold its guests still."""
        return [
            FREEZE.order(
                host=row.host,
                resource_id=str(row.id),
                payload=FreezeRequest(
                    id=str(row.id),
                    name=row.hypervisor_name,
                    wish=name,
                    seconds=FREEZE_SECONDS,
                    agent=str(row.id) in server_ids,
                    pause=str(row.id) in paused,
                ),
            )
            for row in _rows({*server_ids, *paused})
        ]

    def read(self, answer: Mapping[str, Any]) -> Stillness:
        """Return what a host said of a guest."""
        said = FreezeState.load({**answer})
        return Stillness(said.id, said.held, said.reason, said.paused)

    def thaw(self, server_ids: Sequence[str], *, name: str) -> Sequence[Order]:
        """Order each host to let its guests go on."""
        return [
            THAW.order(
                host=row.host,
                resource_id=str(row.id),
                payload=ThawRequest(id=str(row.id), name=row.hypervisor_name, wish=name),
            )
            for row in _rows(server_ids)
        ]


def _rows(server_ids: Collection[str]) -> Sequence[Instance]:
    rows = Instance.objects.filter(id__in=_keys(server_ids)).exclude(host="")
    return list(rows.order_by("id"))


def _keys(server_ids: Iterable[str]) -> list[UUID]:
    return [key for one in server_ids if (key := as_uuid(one)) is not None]


quiescing.register(ServerQuiescer())
