"""Hosts made of namespaces: each with kernel tables, mounts, host name and processes of its own.

A host sees neither the control plane's database and secrets nor its image store. What it has of the
cloud is the broker's socket and, over an underlay, the API; its libvirt and dnsmasq are its own.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cloudweb import process
from tests.builders import libvirt_knowledge
from tests.builders.libvirt_bench import qemu_pids_of
from tests.infrastructure import PATIENCE, ROOT, Cloud, wait_until

SCRIPT = """\
set -eu
mount -t proc proc /proc
mount -t sysfs sysfs /sys            # the one of this network namespace
mount --bind "$HOME_DIR/boot_id" /proc/sys/kernel/random/boot_id
mount --bind "$HOME_DIR/etc_hosts" /etc/hosts    # libvirt looks its own name up
mount -t tmpfs tmpfs /run
mkdir /run/netns /run/lock
hostname "$HOST"
ip link set lo up
mount --bind "$BROKER" "$CLOUDWEB_VAR/run/redis.sock"
for hidden in $HIDDEN; do mount -t tmpfs tmpfs "$hidden"; done
if [ -n "$SHARED_GUESTS" ]; then
  mkdir -p "$CLOUDWEB_HOST_DIR/compute/guests"
  mount --bind "$SHARED_GUESTS" "$CLOUDWEB_HOST_DIR/compute/guests"
fi
# as its unit does: who is killed is started again
until "$PYTHON" "$ROOT/manage.py" service host --host "$HOST"; do sleep 0.2; done
"""


class Underlay:
    """A bridge on which the API and the hosts reach each other."""

    def __init__(self) -> None:
        draw = random.SystemRandom()
        self.name = f"ul{draw.randrange(16**6):06x}"
        self.prefix = f"198.19.{draw.randrange(256)}"
        self.address = f"{self.prefix}.254"
        #: What else its hosts reach, and the number of who leads there.
        self.routes: dict[str, int] = {}

    def __enter__(self) -> Underlay:
        """Make it, with the API's address."""
        process.run("ip", "link", "add", self.name, "type", "bridge", "forward_delay", "0")
        process.run("ip", "addr", "add", f"{self.address}/24", "dev", self.name)
        process.run("ip", "link", "set", self.name, "up")
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        process.run("ip", "link", "delete", self.name)

    def connect(self, namespace: str, number: int) -> None:
        """Give a network namespace a card on the underlay, with address and way out."""
        port, inside = f"{self.name}-{number}", ("ip", "-n", namespace)
        process.run(
            "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace
        )
        card = f"02:19:00:00:00:{number:02x}"  # the same each time that it boots
        process.run(*inside, "link", "set", "eth0", "address", card)
        process.run("ip", "link", "set", port, "master", self.name, "up")
        process.run(*inside, "addr", "add", f"{self.prefix}.{number}/24", "dev", "eth0")
        process.run(*inside, "link", "set", "eth0", "up")
        process.run(*inside, "route", "add", "default", "via", self.address)
        for subnet, way in self.routes.items():
            process.run(*inside, "route", "add", subnet, "via", f"{self.prefix}.{way}")


class NamespacedHost:
    """One host; ``boot`` and ``die`` as often as wanted, its disk stays."""

    def __init__(
        self,
        name: str,
        number: int,
        underlay: Underlay,
        cloud: Cloud,
        home: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings or {}
        self.name, self.number, self.underlay, self.cloud = name, number, underlay, cloud
        self.home = home / name
        self.directory = self.home / "host"  # all the agents keep
        self.namespace = f"{underlay.name}-{name}"
        self._head = None
        (self.home / "var" / "run").mkdir(parents=True)
        (self.home / "var" / "run" / "redis.sock").touch()
        (self.home / "etc_hosts").write_text(f"127.0.0.1 localhost {name}\n")
        libvirt_knowledge.give(self.directory / "compute")
        process.run(
            sys.executable, str(ROOT / "manage.py"), "add_host", name,
            "--directory", str(self.directory),
            env={"DJANGO_SETTINGS_MODULE": "cloudweb.settings.control", "CLOUDWEB_VAR": str(cloud.var)},
            timeout=PATIENCE,
        )  # fmt: skip

    def boot(self) -> None:
        """Power on."""
        (self.home / "boot_id").write_text(f"{uuid.uuid4()}\n")
        process.run("ip", "netns", "add", self.namespace)
        self.underlay.connect(self.namespace, self.number)
        hidden = [str(self.cloud.var), *(str(path) for path in [ROOT / "var"] if path.exists())]
        self._head = process.start_child(
            "nsenter", f"--net=/run/netns/{self.namespace}",
            "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "sh", "-c", SCRIPT,
            log=self.home / "console.log",
            env={
                "HOST": self.name, "HOME_DIR": str(self.home), "HIDDEN": " ".join(hidden),
                "BROKER": str(self.cloud.var / "run" / "redis.sock"),
                "PYTHON": sys.executable, "ROOT": str(ROOT),
                "CLOUDWEB_VAR": str(self.home / "var"), "CLOUDWEB_HOST_DIR": str(self.directory),
                "METADATA_URL": self.cloud.url, "DRIVERS": "real", "LIBVIRT_URI": "private",
                "DJANGO_SETTINGS_MODULE": "cloudweb.settings.agent", "CLOUDWEB_TIME_SCALE": "1",
                "VOLUME_ADDRESS": f"{self.underlay.prefix}.{self.number}",
                "SHARED_GUESTS": "",
                **self.settings,
            },
        )  # fmt: skip

    def die(self) -> None:
        """Pull the plug: every process of the host ends at once, what its kernel held is gone."""
        if self._head is None:
            return
        first = self.first_process
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)
        self._head.wait(PATIENCE)
        self._head = None
        process.run("ip", "link", "delete", f"{self.underlay.name}-{self.number}", check=False)
        process.run("ip", "netns", "delete", self.namespace)

    def hang(self) -> None:
        """Let its agents say and do nothing; its guests, and what serves volumes, go on."""
        os.kill(self.agents, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let its agents go on where they were."""
        os.kill(self.agents, signal.SIGCONT)

    def guests(self) -> list[str]:
        """Return the command line of each guest that runs on it."""
        pids = qemu_pids_of(self.directory / "compute" / "guests")
        return [" ".join(process.words_of(pid)) for pid in pids]

    def run(self, *words: str) -> str:
        """Run a command on the host; return what it printed."""
        return process.run(*self.enter, *words).text

    @property
    def enter(self) -> Sequence[str]:
        """What begins a command line that runs on the host."""
        target = f"--target={self.first_process}"
        return ("nsenter", target, "--mount", "--uts", "--net", "--pid", "--")

    @property
    def agents(self) -> int:
        """Return the pid of the process with all its agents, as this machine sees it."""
        found: list[int] = []

        def there() -> bool:
            children = _children(self.first_process)
            found[:] = [one for one in children if "service" in process.words_of(one)]
            return bool(found)

        wait_until(there, what="its agents run")
        return found[0]

    @property
    def first_process(self) -> int:
        """Return the pid of the host's pid 1, as this machine sees it."""
        assert self._head is not None
        head = self._head.pid
        wait_until(lambda: _children(head), what="the host has a process")
        return _children(head)[0]


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextlib.contextmanager
def hosts(
    *names: str, underlay: Underlay, cloud: Cloud, home: Path, **settings: str
) -> Iterator[list[NamespacedHost]]:
    """Let hosts join the cloud and boot them; at the end their processes are gone."""
    made = [
        NamespacedHost(name, number, underlay, cloud, home, settings)
        for number, name in enumerate(names, start=1)
    ]
    try:
        for host in made:
            host.boot()
        yield made
    finally:
        for host in made:
            host.die()
