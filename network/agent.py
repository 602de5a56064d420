"""What a host does about networks: makes them be as they were last told, whatever was there before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from cloudweb.agent import Agent, Function
from cloudweb.driver import TransientDriverError, Unguarded, Work
from cloudweb.exceptions import CloudwebError
from cloudweb.periodic import periodic
from cloudweb.rpc import Method
from network import rpc
from network.drivers.base import (
    Damageable,
    Milestones,
    Neighbourly,
    NetworkDriver,
    Removable,
    Supervised,
)
from network.objects import (
    NetworkConfirmation,
    NetworkInventory,
    NetworkPicture,
    NetworkReport,
    NetworkWiring,
    PortMilestone,
    PortRef,
    PortStatus,
    PortWiring,
)
from network.wirings import Wirings

log = structlog.get_logger(__name__)
#: An inventory with nothing an operator must see is told after so many reports all the same.
TOLD_AGAIN = 5
PROBLEMS_TOLD, PORTS_ASKED = 100, 500  # in one report


class NetworkAgent(Agent):
    """The networks and ports of one host. Thread-safe; all work on one network is done in turn."""

    def __init__(self, driver: NetworkDriver, state_dir: Path) -> None:
        self.driver = driver
        self.wirings = Wirings(state_dir / "wirings")
        self._locks: dict[str, threading.Lock] = {}
        self._locks_lock = threading.Lock()
        self._problems: dict[str, str] = {}
        self._untold = 0  # reports since the inventory was told
        self._lost_orders: Callable[[], Sequence[str]] = tuple
        self._said: tuple[object, ...] = ()  # what of the inventory an operator must see

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of the network's methods."""
        return {rpc.PLUG: self.plug, rpc.REFRESH: self.refresh, rpc.UNPLUG: self.unplug}

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
        used = {status.network_id for status in self.driver.ports()}
        for network_id in set(self.driver.segments()) - set(told) - used:
            with self._lock_of(network_id):
                self._attempt(self._clear, network_id)
        return self.problems()

    def plug(self, port: PortWiring, work: Work | None = None) -> PortStatus:
        """Make the port be on this host as told, or as told by a newer picture that came first."""
        with self._lock_of(port.network.id):
            return self._plug(port, work or Unguarded())

    def refresh(self, picture: NetworkPicture, work: Work | None = None) -> NetworkConfirmation:
        """Apply a change of rules, addresses or network to the ports that are here, in one go.

        Other than ``plug`` it never brings back a port that has been unplugged meanwhile; the answer
        lists those that are here.
        """
        work = work or Unguarded()
        with self._lock_of(picture.id):
            work.checkpoint()
            here = [port for port in picture.ports if self.wirings.is_here(picture.id, port.id)]
            newest = [self.wirings.keep(port) for port in here]
            if newest:
                self._apply(newest[-1].network, self.wirings.ports(picture.id), work=work)
            plugged = tuple(self.driver.plug(port, work=work) for port in newest)
            self._problems.pop(picture.id, None)
        return NetworkConfirmation(id=picture.id, ports=plugged)

    def unplug(self, ref: PortRef, work: Work | None = None) -> None:
        """Make the port absent; with the last one the whole network leaves the host."""
        work = work or Unguarded()
        with self._lock_of(ref.network_id):
            work.checkpoint()
            self.driver.unplug(ref, work=work)
            rest = [port for port in self.wirings.ports(ref.network_id) if port.id != ref.id]
            lost = [port for port in self.wirings.lost(ref.network_id) if port != ref.id]
            if rest or lost:
                if rest:
                    self._apply(rest[0].network, rest, work=work)
                self.wirings.forget(ref.network_id, ref.id)
            else:
                if not self._is_used(ref.network_id, by_others_than=ref.id):
                    self.driver.delete_segment(ref.network_id, work=work)
                self.wirings.forget_network(ref.network_id)
            self._problems.pop(ref.network_id, None)

    def inventory(self) -> NetworkInventory:
        """Return what is here, as found, not as told."""
        told = {
            port.id for network_id in self.wirings.networks() for port in self._told(network_id)
        }
        told.update(self.lost())
        found = self.driver.ports()
        return NetworkInventory(
            driver=type(self.driver).__name__,
            networks=tuple(sorted(self.driver.segments())),
            ports=tuple(status for status in found if status.id in told),
            strays=tuple(status for status in found if status.id not in told),
            problems=tuple(self.problems()),
        )

    def problems(self) -> Sequence[str]:
        """Return one sentence for each network that could not be brought back, and damaged record."""
        problems = [f"network {name}: {text}" for name, text in sorted(self._problems.items())]
        problems += [
            f"The record of port {name} was damaged. The control plane is asked for it."
            for name in self.lost()
        ]
        problems += [
            f"The record of the last order about {name} was damaged. The next one writes it again."
            for name in self._lost_orders()
        ]
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
        shown = (inventory.driver, inventory.strays, inventory.problems)
        is_news = full or shown != self._said or self._untold >= TOLD_AGAIN
        self._said, self._untold = shown, 0 if is_news else self._untold + 1
        return NetworkReport(
            milestones=tuple(self.milestones()),
            inventory=inventory if is_news else None,
            lost=tuple(self.lost()[:PORTS_ASKED]),
        )

    def keeps(self, part: NetworkReport) -> bool:
        """Keep milestones until they were taken: there is no second first time."""
        return bool(part.milestones)

    def reported(self, part: NetworkReport) -> None:
        """Drop the milestones the control plane has taken."""
        self.forget_milestones(part.milestones)

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
                finally:
                    lock.release()

    def milestones(self) -> Sequence[PortMilestone]:
        """Return what guests did for the first time; tell ``forget_milestones`` once it is reported."""
        return self.driver.milestones() if isinstance(self.driver, Milestones) else ()

    def forget_milestones(self, milestones: Sequence[PortMilestone]) -> None:
        """Drop what the control plane has taken."""
        if isinstance(self.driver, Milestones):
            self.driver.forget(milestones)

    def delete_everything(self) -> None:
        """Take all networks off the host and forget them (``make clean``)."""
        if isinstance(self.driver, Removable):
            self.driver.delete_everything()
        for network_id in self.wirings.networks():
            with self._lock_of(network_id):
                self.driver.delete_segment(network_id, work=Unguarded())
                self.wirings.forget_network(network_id)

    def _plug(self, port: PortWiring, work: Work) -> PortStatus:
        work.checkpoint()
        newest = self.wirings.keep(port)
        self._apply(newest.network, self.wirings.ports(newest.network.id), work=work)
        status = self.driver.plug(newest, work=work)
        self._problems.pop(newest.network.id, None)
        return status

    def _apply(self, network: NetworkWiring, ports: Sequence[PortWiring], *, work: Work) -> None:
        self.driver.ensure_segment(network, work=work)
        self.driver.ensure_filters(network, ports, work=work)
        self.driver.ensure_gateway(network, work=work)
        self.driver.ensure_dhcp(network, ports, work=work)

    def _restore(self, network_id: str) -> None:
        work = Unguarded()
        ports = self.wirings.ports(network_id)
        if not ports and self.wirings.lost(network_id):
            return  # what is there stays as it is until it is told again
        if not ports:  # the host died between a picture and its port, or in a clean-up
            self.driver.delete_segment(network_id, work=work)
            self.wirings.forget_network(network_id)
            return
        self._apply(ports[0].network, ports, work=work)
        for port in ports:
            self.driver.plug(port, work=work)

    def _clear(self, network_id: str) -> None:
        self.driver.delete_segment(network_id, work=Unguarded())

    def _is_used(self, network_id: str, *, by_others_than: str) -> bool:
        """Tell whether taps that no record explains keep the network here (the disk was lost)."""
        return any(
            status.network_id == network_id and status.id != by_others_than
            for status in self.driver.ports()
        )

    def _told(self, network_id: str) -> Sequence[PortWiring]:
        try:
            return self.wirings.ports(network_id)
        except CloudwebError:
            return ()

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
