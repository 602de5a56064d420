"""The routers of one host: made as they were last told, kept on its disk, brought back after a restart."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from cloudweb.driver import Unguarded, Work
from cloudweb.exceptions import CloudwebError
from cloudweb.files import sync_directory, write_atomically
from cloudweb.records import forget, lost_in, read_record
from network.drivers.base import NetworkDriver, Supervised
from network.objects import PortRef, PortStatus, PortWiring, RouterStatus
from network.routers.objects import RouterConfirmation, RouterRef, RouterWiring

log = structlog.get_logger(__name__)
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")


class HostRouters:
    """Thread-safe; all work on one router is done in turn, and takes the locks of networks within.

    A router that may be on any host (``_may_be_elsewhere``) is not brought back by itself: while this host was
    away another may have got it, and both would answer for its addresses. It waits until the control
    plane had its say.

    ``<directory>/<router id>.json`` is each router as it was told. ``plug`` and ``unplug`` are the
    agent's for ports: a router's ports are among its networks' like any other.
    """

    def __init__(
        self,
        driver: NetworkDriver,
        directory: Path,
        *,
        plug: Callable[[PortWiring, Work], PortStatus],
        unplug: Callable[[PortRef, Work], None],
    ) -> None:
        self._driver, self._directory = driver, directory
        self._plug, self._unplug = plug, unplug
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._locks_lock = threading.Lock()
        self._waiting: set[str] = set()
        self.problems: dict[str, str] = {}

    def ensure(self, router: RouterWiring, work: Work | None = None) -> RouterConfirmation:
        """Make the router be on this host as told, or as told by a newer picture that came first."""
        work = work or Unguarded()
        with self._lock_of(router.id):
            work.checkpoint()
            known = self._find(router.id)
            if known is not None and known.revision > router.revision:
                router = known
            stay = {port.id for port in router.ports}
            for port in known.ports if known is not None else ():
                if port.id not in stay:
                    self._unplug(_ref(port), work)
            self._keep(router)
            ports = self._make(router, work)
            self._waiting.discard(router.id)
            self.problems.pop(router.id, None)
        return RouterConfirmation(id=router.id, revision=router.revision, ports=tuple(ports))

    def delete(self, ref: RouterRef, work: Work | None = None) -> None:
        """Make the router absent with its ports; one that was told anew since stays."""
        work = work or Unguarded()
        with self._lock_of(ref.id):
            work.checkpoint()
            known = self._find(ref.id)
            if known is not None and known.revision > ref.revision:
                return
            ports = {port.id: port for port in ref.ports}
            ports |= {port.id: _ref(port) for port in (known.ports if known is not None else ())}
            for port in ports.values():
                self._unplug(port, work)
            self._driver.delete_router(ref.id, work=work)
            forget(self._file(ref.id))
            self._waiting.discard(ref.id)
            self.problems.pop(ref.id, None)

    def restore(self) -> None:
        """Bring back the routers after their networks, some later; take away those that nobody told of."""
        told = self.ids()
        self._waiting = {*filter(self._may_be_elsewhere, told)}
        for router_id in told:
            if router_id not in self._waiting:
                self._attempt(router_id)
        for router_id in set(self._driver.routers()) - {*told, *self.lost()}:
            with self._lock_of(router_id):
                self._driver.delete_router(router_id, work=Unguarded())

    def restore_waiting(self) -> None:
        """Bring back those that nobody took from this host meanwhile."""
        for router_id in sorted(self._waiting):
            self._waiting.discard(router_id)
            self._attempt(router_id)

    def give_up(self) -> None:
        """Take down those that another host may have; what is remembered of them brings them back."""
        for router_id in {*filter(self._may_be_elsewhere, self.ids())} - self._waiting:
            with self._lock_of(router_id):
                router = self._find(router_id)
                if router is None:
                    continue
                self._waiting.add(router_id)
                for port in router.ports:
                    self._unplug(_ref(port), Unguarded())
                self._driver.delete_router(router_id, work=Unguarded())

    def repair(self) -> None:
        """Bring back what vanished; a router that an order works on is left to the order."""
        if not isinstance(self._driver, Supervised):
            return
        told = {*self.ids()} - self._waiting
        for router_id in told.intersection(self._driver.broken_routers()):
            if not self._lock_of(router_id).locked():
                log.warning("repairing a router", router_id=router_id)
                self._attempt(router_id)

    def delete_everything(self) -> None:
        """Take all routers off the host and forget them."""
        for router_id in {*self.ids(), *self._driver.routers()}:
            known = self._find(router_id)
            revision = known.revision if known is not None else 0
            self.delete(RouterRef(id=router_id, revision=revision))

    def ids(self) -> Sequence[str]:
        """Return the routers that were told here."""
        if not self._directory.exists():
            return ()
        names = (path.stem for path in self._directory.glob("*.json"))
        return sorted(name for name in names if _ID.match(name))

    def lost(self) -> Sequence[str]:
        """Return those whose records were damaged."""
        return sorted(name for name in lost_in(self._directory) if _ID.match(name))

    def statuses(self) -> list[RouterStatus]:
        """Return the routers here, each at the revision it was told last."""
        found = [known for router_id in self.ids() if (known := self._find(router_id)) is not None]
        statuses = [RouterStatus(id=router.id, revision=router.revision) for router in found]
        return statuses + [RouterStatus(id=name, revision=0) for name in self.lost()]

    def _make(self, router: RouterWiring, work: Work) -> list[PortStatus]:
        ports = [self._plug(port, work) for port in router.ports]
        self._driver.ensure_router(router, work=work)
        return ports

    def _attempt(self, router_id: str) -> None:
        try:
            with self._lock_of(router_id):
                router = self._find(router_id)
                if router is not None:
                    self._make(router, Unguarded())
            self.problems.pop(router_id, None)
        except CloudwebError as error:
            self.problems[router_id] = error.message
            log.warning(
                "router not restored", router_id=router_id, error=error.message, detail=error.detail
            )
        except Exception:  # whatever it is: the other routers come back
            self.problems[router_id] = "It could not be brought back; see the host's log."
            log.exception("router not restored", router_id=router_id)

    def _may_be_elsewhere(self, router_id: str) -> bool:
        """Tell whether all that a router joins are wires which other hosts share."""
        router = self._find(router_id)
        return router is not None and all(
            port.network.segment is not None and port.network.segment.network_type != "flat"
            for port in router.interfaces
        )

    def _find(self, router_id: str) -> RouterWiring | None:
        return read_record(self._file(router_id), RouterWiring.load)

    def _keep(self, router: RouterWiring) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(self._file(router.id), json.dumps(router.dump()))
        sync_directory(self._directory)

    def _file(self, router_id: str) -> Path:
        if not _ID.match(router_id):
            raise CloudwebError(detail=f"not a router's id: {router_id!r}")
        return self._directory / f"{router_id}.json"

    def _lock_of(self, router_id: str) -> threading.Lock:
        with self._locks_lock:
            return self._locks.setdefault(router_id, threading.Lock())


def _ref(port: PortWiring) -> PortRef:
    return PortRef(id=port.id, network_id=port.network.id, tap=port.tap)
