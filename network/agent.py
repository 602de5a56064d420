"""What a host does about networks: makes them be as they were last told, whatever was there before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import structlog

from cloudweb.agent import Agent, Function, ScopeLock
from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from cloudweb.exceptions import CloudwebError
from cloudweb.periodic import periodic
from cloudweb.rpc import Method
from network import rpc
from network.drivers.base import (
    BANDWIDTH_LIMIT,
    DSCP_MARKING,
    STATELESS_FILTERS,
    TRUNKS,
    Damageable,
    Milestones,
    Neighbourly,
    NetworkDriver,
    Observant,
    Removable,
    SpansHosts,
    Supervised,
)
from network.fence import Fence
from network.objects import (
    ForwardingStatus,
    ForwardingTable,
    GroupMembers,
    GroupStatus,
    NetworkConfirmation,
    NetworkInventory,
    NetworkPicture,
    NetworkReport,
    NetworkWiring,
    PortMilestone,
    PortQos,
    PortRef,
    PortStatus,
    PortWiring,
)
from network.routers.on_host import HostRouters
from network.trace.objects import PathQuestion, PathSeen
from network.wirings import Wirings

log = structlog.get_logger(__name__)
#: An inventory with nothing an operator must see is told after so many reports all the same.
TOLD_AGAIN = 5
PROBLEMS_TOLD, PORTS_ASKED, GROUPS_TOLD = 100, 500, 2000  # in one report


@dataclass(frozen=True, slots=True)
class _Applied:
    """A network as it was told last, all of it done; ``groups`` are the sets that the driver was given."""

    network: NetworkWiring
    groups: frozenset[str]


class NetworkAgent(Agent):
    """The networks and ports of one host. Thread-safe; all work on one network is done in turn.

    ``fence_after``: so many seconds without an answer to its reports it has routers that another host
    may have got meanwhile; 0 for ever.
    """

    def __init__(self, driver: NetworkDriver, state_dir: Path, *, fence_after: float = 0) -> None:
        self.driver = driver
        self._fence = Fence(fence_after)
        self.wirings = Wirings(state_dir / "wirings")
        self.routers = HostRouters(
            driver, state_dir / "router_wirings", plug=self.plug, unplug=self.unplug
        )
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._locks_lock = threading.Lock()
        self._applied: dict[str, _Applied] = {}  # by network; what this process has put there
        self._problems: dict[str, str] = {}
        self._untold = 0  # reports since the inventory was told
        self._lost_orders: Callable[[], Sequence[str]] = tuple
        self._said: NetworkInventory | None = None  # what of the inventory an operator must see

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of the network's methods."""
        return {
            rpc.PLUG: self.plug,
            rpc.REFRESH: self.refresh,
            rpc.UNPLUG: self.unplug,
            rpc.ENSURE_ROUTER: self.routers.ensure,
            rpc.DELETE_ROUTER: self.routers.delete,
            rpc.OBSERVE: self.observe,
        }

    def watch(self, lost: Callable[[], Sequence[str]]) -> None:
        """Tell in reports whose orders were lost."""
        self._lost_orders = lost

    def preflight(self) -> None:
        """Raise DriverError when another installation on this machine has names of ours."""
        if isinstance(self.driver, Neighbourly):
            self.driver.check_neighbours()

    def init_host(self) -> Sequence[str]:
        """Bring back every network and port from disk, filters before taps; return what went wrong.

        Guests may be started afterwards. One broken network does not keep the others down. Raises
        DriverError when the host cannot do networks at all.
        """
        self.driver.start()
        self._problems.clear()
        told = self.wirings.networks()
        for network_id in told:
            with self._lock_of(network_id):
                self._attempt(self._restore, network_id)
        for network_id in told:
            with self._lock_of(network_id):
                self._attempt_carried(network_id)
        used = {status.network_id for status in self.driver.ports()}
        for network_id in set(self.driver.segments()) - set(told) - used:
            with self._lock_of(network_id):
                self._attempt(self._clear, network_id)
        self.routers.restore()
        return self.problems()

    def start_guests(self, lock: ScopeLock) -> None:
        """Bring back the routers that are still this host's: what it owed has been paid."""
        if not self._fence.is_up:
            self.routers.restore_waiting()

    def plug(self, port: PortWiring, work: Work | None = None) -> PortStatus:
        """Make the port be on this host as told, or as told by a newer picture that came first."""
        work = work or Unguarded()
        self._check_able(port)
        with self._lock_of(port.network.id):
            work.checkpoint()
            newest = self.wirings.keep(port)
            told = port.forwarding and self.wirings.forwarding(port.network.id)
            self._apply(
                newest.network, changed=[newest], groups=port.groups, forwarding=told, work=work
            )
            status = self.driver.plug(newest, work=work)
            self._problems.pop(port.network.id, None)
            groups = self.wirings.group_statuses(port.network.id, newest.named_groups)
            forwarding = self._forwarding(newest.network)
        return status.model_copy(update={"groups": tuple(groups), "forwarding": forwarding})

    def refresh(self, picture: NetworkPicture, work: Work | None = None) -> NetworkConfirmation:
        """Apply a change of rules, members, addresses or network to the ports that are here, in one go.

        Other than ``plug`` it never brings back a port that has been unplugged meanwhile; the answer
        lists those that are here, and how far the sets are.
        """
        work = work or Unguarded()
        with self._lock_of(picture.id):
            work.checkpoint()
            if not self.wirings.has_ports(picture.id) and not self.wirings.lost(picture.id):
                return NetworkConfirmation(id=picture.id, ports=())
            here = [port for port in picture.ports if self.wirings.is_here(picture.id, port.id)]
            newest = [self.wirings.keep(port) for port in here]
            groups = self.wirings.keep_groups(picture)
            moved = self.wirings.keep_forwarding(picture)
            if newest or ((groups or moved) and self.wirings.has_ports(picture.id)):
                network = newest[-1].network if newest else self.wirings.network(picture.id)
                self._apply(network, changed=newest, groups=groups, forwarding=moved, work=work)
            plugged = tuple(self.driver.plug(port, work=work) for port in newest)
            self._problems.pop(picture.id, None)
            told = {whole.group_id for whole in picture.groups}
            told |= {change.group_id for change in picture.changes}
            kept = self.wirings.group_statuses(picture.id, told)
            spans = (picture.forwarding or picture.moves) is not None
            forwarding = self.wirings.forwarding_status(picture.id) if spans else None
        return NetworkConfirmation(
            id=picture.id,
            ports=plugged,
            groups=tuple(one for one in kept if one.generation),
            forwarding=forwarding,
        )

    def unplug(self, ref: PortRef, work: Work | None = None) -> None:
        """Make the port absent; with the last one the whole network leaves the host."""
        work = work or Unguarded()
        with self._lock_of(ref.network_id):
            work.checkpoint()
            self.driver.unplug(ref, work=work)
            rest = self.wirings.has_ports(ref.network_id, but=ref.id)
            lost = [port for port in self.wirings.lost(ref.network_id) if port != ref.id]
            if rest or lost:
                if rest:
                    network = self.wirings.network(ref.network_id)
                    self._apply(network, gone=[ref.id], work=work)
                self.wirings.forget(ref.network_id, ref.id)
            else:
                self._applied.pop(ref.network_id, None)
                if not self._is_used(ref.network_id, by_others_than=ref.id):
                    self.driver.delete_segment(ref.network_id, work=work)
                self.wirings.forget_network(ref.network_id)
            self._problems.pop(ref.network_id, None)

    def observe(self, question: PathQuestion) -> PathSeen:
        """Say how what a packet passes here is found, whoever is at work on it."""
        if not isinstance(self.driver, Observant):
            raise DriverError("This host cannot look at what a packet passes.")
        seen = self.driver.observe(question)
        return PathSeen(at=time.time(), sightings=tuple(seen))

    def inventory(self) -> NetworkInventory:
        """Return what is here, as found, not as told."""
        told = {
            port_id for network_id in self.wirings.networks() for port_id in self._told(network_id)
        }
        told.update(self.lost())
        found, spanning = self.driver.ports(), self.driver
        joins = (
            {
                "tunnel_address": spanning.tunnel_address,
                "physical_networks": tuple(spanning.physical_networks),
                "network_types": tuple(spanning.network_types),
            }
            if isinstance(spanning, SpansHosts)
            else {}
        )
        return NetworkInventory(
            **joins,
            driver=type(self.driver).__name__,
            networks=tuple(sorted(self.driver.segments())),
            ports=tuple(status for status in found if status.id in told),
            strays=tuple(status for status in found if status.id not in told),
            problems=tuple(self.problems()),
            capabilities=tuple(sorted(self.driver.capabilities())),
        )

    def problems(self) -> Sequence[str]:
        """Return one sentence for each network that could not be brought back, and damaged record."""
        problems = [f"network {name}: {text}" for name, text in sorted(self._problems.items())]
        problems += [
            f"router {name}: {text}" for name, text in sorted(self.routers.problems.items())
        ]
        problems += [
            f"The record of router {name} was damaged. The control plane is asked for it."
            for name in self.routers.lost()
        ]
        problems += [
            f"The record of port {name} was damaged. The control plane is asked for it."
            for name in self.lost()
        ]
        problems += [
            f"The record of the last order about {name} was damaged. The next one writes it again."
            for name in self._lost_orders()
        ]
        if isinstance(self.driver, SpansHosts):
            problems += self.driver.joining_problems()
        if isinstance(self.driver, Damageable):
            problems += self.driver.damages()
        return problems[:PROBLEMS_TOLD]

    def lost(self) -> Sequence[str]:
        """Return the ports whose records were damaged, so that they must be told again."""
        told = self.wirings.networks()
        return [port for network_id in told for port in self.wirings.lost(network_id)]

    def report(self, *, full: bool) -> NetworkReport:
        """Say what guests reached and what an operator must see."""
        inventory = self.inventory()
        shown = inventory.model_copy(update={"networks": (), "ports": ()})
        is_news = full or shown != self._said or self._untold >= TOLD_AGAIN
        self._said, self._untold = shown, 0 if is_news else self._untold + 1
        groups = [one for name in self.wirings.networks() for one in self._groups(name)]
        return NetworkReport(
            milestones=tuple(self.milestones()),
            inventory=inventory if is_news else None,
            lost=tuple(self.lost()[:PORTS_ASKED]),
            groups=tuple(one for one in groups if is_news or not one.generation)[:GROUPS_TOLD],
            routers=tuple(self.routers.statuses()) if is_news or self.routers.lost() else None,
            forwarding=tuple(
                one
                for name in self.wirings.networks()
                if (one := self._spanning(name)) and (is_news or not one.generation)
            )[:GROUPS_TOLD],
        )

    def keeps(self, part: NetworkReport) -> bool:
        """Keep milestones until they were taken: there is no second first time."""
        return bool(part.milestones) or self._fence.is_wanted

    def reported(self, part: NetworkReport) -> None:
        """Drop the milestones the control plane has taken."""
        self._fence.heard()
        self.forget_milestones(part.milestones)

    @periodic(every=5)
    def fence(self) -> None:
        """Give up routers while the control plane is out of reach, where settings say so; have them again after."""
        if not self._fence.is_wanted:
            return
        if self._fence.is_up:
            self.routers.give_up()
        elif self._fence.came_down():
            self.routers.restore_waiting()

    @periodic(every=10)
    def repair(self) -> None:
        """Bring back what was taken from a network behind our back (a flushed firewall, a dead server).

        A network that an order works on is left to the order.
        """
        if not isinstance(self.driver, Supervised):
            return
        told = set(self.wirings.networks())
        for network_id in told.intersection(self.driver.broken()):
            lock = self._lock_of(network_id)
            if lock.acquire(blocking=False):
                try:
                    log.warning("repairing a network", network_id=network_id)
                    self._attempt(self._restore, network_id)
                    self._attempt_carried(network_id)
                finally:
                    lock.release()
        self.routers.repair()

    def milestones(self) -> Sequence[PortMilestone]:
        """Return what guests did for the first time; tell ``forget_milestones`` once it is reported."""
        return self.driver.milestones() if isinstance(self.driver, Milestones) else ()

    def forget_milestones(self, milestones: Sequence[PortMilestone]) -> None:
        """Drop what the control plane has taken."""
        if isinstance(self.driver, Milestones):
            self.driver.forget(milestones)

    def leave_host(self) -> None:
        """Take all networks of this installation off the host, whatever is known of them."""
        if isinstance(self.driver, Removable):
            self.driver.delete_everything()

    def delete_everything(self) -> None:
        """Take all networks off the host and forget them (``make clean``)."""
        self.routers.delete_everything()
        if isinstance(self.driver, Removable):
            self.driver.delete_everything()
        for network_id in self.wirings.networks():
            with self._lock_of(network_id):
                self.driver.delete_segment(network_id, work=Unguarded())
                self.wirings.forget_network(network_id)

    def _check_able(self, port: PortWiring) -> None:
        """Raise DriverError for what this host would leave out: it is promised to somebody."""
        qos = port.qos or PortQos()
        needs = {BANDWIDTH_LIMIT: qos.ingress or qos.egress, DSCP_MARKING: qos.dscp is not None}
        special = any(needs.values()) or port.stateless or port.carried
        able = self.driver.capabilities() if special else ()
        if port.carried and TRUNKS not in able:
            raise DriverError("This host cannot have a port in the trunk of another.")
        if port.stateless and STATELESS_FILTERS not in able:
            raise DriverError("This host's filters cannot do without state.")
        for name, needed in needs.items():
            if needed and name not in able:
                raise DriverError("This host cannot hold a port to its QoS policy.", detail=name)

    def _apply(
        self,
        network: NetworkWiring,
        *,
        changed: Sequence[PortWiring] = (),
        gone: Sequence[str] = (),
        groups: Sequence[GroupMembers] = (),
        forwarding: ForwardingTable | None = None,
        work: Work,
    ) -> None:
        """Make the network be as told: the change alone where all before it is in force, else everything.

        What raises on the way leaves nothing that counts as in force.
        """
        driver, known = self.driver, self._applied.pop(network.id, None)
        told = {group.group_id: group for group in groups}
        named = frozenset[str]().union(*(port.named_groups for port in changed))
        if known is not None:
            for group_id in (named - known.groups) | told.keys():
                kept = self.wirings.group(network.id, group_id)
                told.update({} if kept is None else {group_id: kept})
        stands = known is not None and known.network == network and driver.is_intact(network)
        if not stands:
            driver.ensure_segment(network, work=work)
        if known is None or not driver.change_filters(
            network, changed=changed, gone=gone, groups=[*told.values()], work=work
        ):
            ports = self._all_ports(network.id, gone)
            driver.ensure_filters(network, ports, self.wirings.groups(network.id), work=work)
        if (
            network.segment is not None
            and isinstance(driver, SpansHosts)
            and (known is None or not driver.change_joined(network, forwarding, work=work))
        ):
            driver.ensure_joined(network, self.wirings.forwarding(network.id), work=work)
        if not stands:
            driver.ensure_gateway(network, work=work)
        if (
            known is None
            or known.network != network
            or not driver.change_dhcp(network, changed=changed, gone=gone, work=work)
        ):
            driver.ensure_dhcp(network, self._all_ports(network.id, gone), work=work)
        before = known.groups if known is not None else self.wirings.group_ids(network.id)
        self._applied[network.id] = _Applied(network, before | told.keys())

    def _all_ports(self, network_id: str, gone: Sequence[str]) -> Sequence[PortWiring]:
        return [port for port in self.wirings.ports(network_id) if port.id not in gone]

    def _restore(self, network_id: str) -> None:
        work = Unguarded()
        ports = self.wirings.ports(network_id)
        self._applied.pop(network_id, None)
        if not ports and self.wirings.lost(network_id):
            return  # what is there stays as it is until it is told again
        if not ports:  # the host died between a picture and its port, or in a clean-up
            self.driver.delete_segment(network_id, work=work)
            self.wirings.forget_network(network_id)
            return
        self._apply(ports[0].network, work=work)
        for port in ports:
            if port.carried is None:
                self.driver.plug(port, work=work)

    def _restore_carried(self, network_id: str) -> None:
        for port in self.wirings.ports(network_id):
            if port.carried is not None:
                self.driver.plug(port, work=Unguarded())

    def _attempt_carried(self, network_id: str) -> None:
        """Bring back the ports that others carry, whose taps may be on any network, where all else went well."""
        if network_id not in self._problems:
            self._attempt(self._restore_carried, network_id)

    def _clear(self, network_id: str) -> None:
        self.driver.delete_segment(network_id, work=Unguarded())

    def _is_used(self, network_id: str, *, by_others_than: str) -> bool:
        """Tell whether taps that no record explains keep the network here (the disk was lost)."""
        return any(
            status.network_id == network_id and status.id != by_others_than
            for status in self.driver.ports()
        )

    def _told(self, network_id: str) -> Collection[str]:
        try:
            return self.wirings.port_ids(network_id)
        except CloudwebError:
            return ()

    def _groups(self, network_id: str) -> Sequence[GroupStatus]:
        try:
            named = self.wirings.named_groups(network_id)
            return self.wirings.group_statuses(network_id, named)
        except CloudwebError:
            return ()

    def _forwarding(self, network: NetworkWiring) -> ForwardingStatus | None:
        return self.wirings.forwarding_status(network.id) if network.is_forwarded else None

    def _spanning(self, network_id: str) -> ForwardingStatus | None:
        try:
            spans = self.wirings.spans_hosts(network_id)
            return self.wirings.forwarding_status(network_id) if spans else None
        except CloudwebError:
            return None

    def _attempt(self, action: Callable[[str], None], network_id: str) -> None:
        try:
            try:
                action(network_id)
            except TransientDriverError:
                action(network_id)
            self._problems.pop(network_id, None)
        except CloudwebError as error:
            self._problems[network_id] = error.message
            log.warning(
                "network not restored",
                network_id=network_id,
                error=error.message,
                detail=error.detail,
            )
        except Exception:  # whatever it is: the other networks come back
            self._problems[network_id] = "It could not be brought back; see the host's log."
            log.exception("network not restored", network_id=network_id)

    def _lock_of(self, network_id: str) -> threading.Lock:
        with self._locks_lock:
            return self._locks.setdefault(network_id, threading.Lock())
