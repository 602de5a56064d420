"""A server that goes to the other host while it runs, and back: what it, its volume and a guest beside it notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tests.host.cloud.namespaces import NamespacedHost
from tests.host.cloud.tenants import Server, operator
from tests.host.cloud.travellers import Traveller
from tests.infrastructure import Cloud, wait_until

#: Ten times a second, whether the one before was answered or not; when each answer came.
ASKS = """\
(ping -i 0.1 {address} | while read -r said; do
  case "$said" in *seq=*) read -r now _ </proc/uptime; echo $now;; esac
done >/tmp/answers) </dev/null >/dev/null 2>&1 &"""
ENOUGH = "killall ping"


class LiveTraveller:
    """A server with a volume, which writes to it and is pinged by another server all the way."""

    def __init__(
        self,
        cloud: Cloud,
        volume: Traveller,
        *,
        beside: Server,
        hosts: dict[str, NamespacedHost],
    ) -> None:
        assert volume.server is not None
        self.cloud, self.volume, self.beside, self.hosts = cloud, volume, beside, hosts
        self.admin = operator(cloud)
        self.server = volume.server

    def host(self) -> str:
        return str(self.admin.compute.get_server(self.server.id).hypervisor_hostname)

    def boot_id(self) -> str:
        return self.volume.does("cat /proc/sys/kernel/random/boot_id /root/kept")

    def go(self, host: NamespacedHost, *, meanwhile: Callable[[], None] | None = None) -> None:
        """Go there under a guest that writes to its volume; what happens meanwhile happens on its way."""

        def go() -> None:
            self.server.api.live_migrate_server(
                self.server.id, host=host.name, force=False, block_migration="auto"
            )
            if meanwhile is not None:
                wait_until(lambda: self.last()["status"] == "running", what="it is on its way")
                meanwhile()
            self.server.wait("ACTIVE")
            assert self.host() == host.name, self.last()
            self.hosts[self.server.id] = host

        self.volume.write_while(go)

    def kill_control(self) -> None:
        """Kill who leads it; its supervisor starts it again."""
        pid = (self.cloud.var / "run" / "children" / "control").read_text().split()[0]
        os.kill(int(pid), signal.SIGKILL)

    def last(self) -> Any:
        """Return its newest migration."""
        asked = f"/os-migrations?instance_uuid={self.server.id}"
        found = self.admin.compute.get(asked, microversion="2.59").json()["migrations"]
        return max(found, key=lambda one: one["id"])

    def there_and_back(self, there: NamespacedHost, here: NamespacedHost) -> float:
        """Return the longest time that the guest beside it had no answer, in seconds."""
        room = self.volume.room
        self.volume.does("echo kept >/root/kept; sync")
        before = self.boot_id()
        room.does(ASKS.format(address=self.server.address), self.beside)
        for host, meanwhile in ((there, self.kill_control), (here, None)):
            self.go(host, meanwhile=meanwhile)
            assert self.boot_id() == before
            self._is_answered()
        room.does(ENOUGH, self.beside)
        answers = [float(one) for one in room.does("cat /tmp/answers", self.beside).split()]
        return max(after - before for before, after in pairwise(answers))

    def _is_answered(self) -> None:
        """Wait until answers come again."""
        count = "wc -l </tmp/answers"
        known = int(self.volume.room.does(count, self.beside))
        wait_until(
            lambda: int(self.volume.room.does(count, self.beside)) > known, what="it is answered"
        )
