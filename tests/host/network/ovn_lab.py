"""OVN on one machine: its databases, and hosts that are namespaces with a switch in user space.

Each host has mounts, processes, a network and a host name of its own. An underlay joins them; a second wire
is the provider's, with somebody on it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from cloudweb import process
from network.models import Port
from network.objects import PortWiring
from network.resolution import port_wirings
from tests.builders.ovn import SCHEMAS, NorthboundServer
from tests.builders.ports import port_ref
from tests.host.network.guests import Guest, answering
from tests.infrastructure import PATIENCE, ROOT, wait_until

T = TypeVar("T")

UNDERLAY, OUTSIDE = "10.98.0", "203.0.113"
MTU = 1600
#: Of packet(7), which this Python does not name: tell beside a frame what is not in it.
SOL_PACKET, PACKET_AUXDATA = 263, 8
INIT = """\
set -eu
export OVS_RUNDIR=$HOME_DIR/run OVN_RUNDIR=$HOME_DIR/run OVS_LOGDIR=$HOME_DIR OVN_LOGDIR=$HOME_DIR
hostname $HOST; mount --make-rprivate /; mount -t proc proc /proc; mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run; mkdir /run/netns /run/openvswitch; mount --bind $HOME_DIR/run /run/openvswitch
ip link set lo up; touch $HOME_DIR/ready
while [ ! -e $HOME_DIR/wired ]; do sleep 0.02; done
ethtool -K ul0 tx off gro off >/dev/null; ethtool -K ex0 tx off gro off >/dev/null
[ -e $HOME_DIR/conf.db ] || ovsdb-tool create $HOME_DIR/conf.db /usr/share/openvswitch/vswitch.ovsschema
run() { "$@" --no-chdir --detach --monitor --pidfile -vconsole:off --log-file=$HOME_DIR/$(basename $1).log $TAIL; }
TAIL=$HOME_DIR/conf.db run ovsdb-server --remote=punix:$HOME_DIR/run/db.sock
ovs-vsctl --no-wait init -- set Open_vSwitch . external-ids:system-id=$HOST external-ids:hostname=$HOST \\
  external-ids:ovn-remote=tcp:$UNDERLAY.254:6642 external-ids:ovn-encap-type=geneve \\
  external-ids:ovn-encap-ip=$UNDERLAY.$NUMBER external-ids:ovn-bridge-datapath-type=netdev \\
  external-ids:ovn-bridge-mappings=public:br-ex other_config:n-handler-threads=1 other_config:n-revalidator-threads=1
TAIL=unix:$HOME_DIR/run/db.sock run ovs-vswitchd --disable-system
ovs-vsctl add-br br-ul -- set bridge br-ul datapath_type=netdev -- add-port br-ul ul0 \\
  -- add-br br-ex -- set bridge br-ex datapath_type=netdev -- add-port br-ex ex0
ip link set br-ul mtu $MTU up; ip addr add $UNDERLAY.$NUMBER/24 dev br-ul; ip link set br-ex up
TAIL=unix:$HOME_DIR/run/db.sock run ovn-controller
exec $PYTHON -m tests.host.network.ovn_agent $HOME_DIR $HOST
"""


class LabHost:
    """One host; ``kill`` is a power failure."""

    def __init__(self, lab: Lab, name: str, number: int) -> None:
        self.lab, self.name, self.number = lab, name, number
        self.home = lab.home / name
        (self.home / "run").mkdir(parents=True)
        (self.home / "host.key").write_text("key")
        self._process = process.start_child(
            "unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--kill-child",
            "bash", "-c", INIT, log=self.home / "init.log", cwd=ROOT,
            env={
                "HOME_DIR": str(self.home), "HOST": name, "NUMBER": str(number), "MTU": str(MTU),
                "UNDERLAY": UNDERLAY, "PYTHON": sys.executable, "PATH": f"{os.environ['PATH']}:/usr/sbin",
                "METADATA_URL": f"http://{UNDERLAY}.254:{lab.metadata_port}",
                "DJANGO_SETTINGS_MODULE": "cloudweb.settings.agent",
            },
        )  # fmt: skip

    @property
    def is_up(self) -> bool:
        """Tell whether it has power."""
        return self._process.poll() is None

    def wire(self) -> None:
        """Give it its two cards, once its namespaces are there."""
        self._await("ready")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self.pid = int(children.read_text().split()[0])
        for card, bridge in (("ul0", "ul"), ("ex0", "ex")):
            port = f"{card[:2]}{self.number}"
            process.run("ip", "link", "add", port, "netns", self.lab.netns, "type", "veth",
                        "peer", "name", card, "netns", str(self.pid))  # fmt: skip
            self.lab.ip("link", "set", port, "mtu", str(MTU), "master", bridge, "up")
            self.lab.inside("ethtool", "-K", port, "tx", "off")
            process.run(
                "nsenter",
                "-t",
                str(self.pid),
                "-n",
                "ip",
                "link",
                "set",
                card,
                "mtu",
                str(MTU),
                "up",
            )
        (self.home / "wired").touch()

    def await_agent(self) -> None:
        self._await("agent.sock")

    def _await(self, name: str) -> None:
        def ready() -> bool:
            assert self._process.poll() is None, (self.home / "init.log").read_text()
            return (self.home / name).exists()

        wait_until(ready, what=f"{self.name}: {name}")

    def run(self, *words: str, check: bool = True) -> process.Completed:
        """Run a command on the host."""
        env = {"OVS_RUNDIR": str(self.home / "run"), "OVN_RUNDIR": str(self.home / "run")}
        enter = ("nsenter", "-t", str(self.pid), "-m", "-u", "-n", "-p")
        said = [f"{name}={value}" for name, value in env.items()]
        return process.run(*enter, "env", *said, *words, check=check)

    def ask(self, do: str, **said: Any) -> Any:
        """Let the host's agent do something."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(PATIENCE)
            line.connect(str(self.home / "agent.sock"))
            line.sendall(json.dumps({"do": do, **said}).encode() + b"\n")
            with line.makefile() as answer:
                return json.loads(answer.readline())

    def guest(self, port: Port, *, addresses: bool = True) -> LabGuest:
        """Put a namespace where the port's tap shall be, and have it plugged."""
        (wiring,) = port_wirings([port.id])
        guest = LabGuest(self, wiring, addresses=addresses)
        self.ask("plug", port=wiring.dump())
        return guest

    def unplug(self, port: PortWiring) -> None:
        """Take a port away."""
        self.ask("unplug", port=port_ref(port).dump())

    def inside(self, action: Callable[[], T]) -> T:
        """Run a function in the host's network, in this process."""
        return within(Path(f"/proc/{self.pid}/ns/net"), action)

    def kill(self) -> float:
        """Let the power fail; return when."""
        os.kill(self.pid, signal.SIGKILL)
        at = time.monotonic()
        self._process.wait()
        return at

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()


class LabGuest(Guest):
    """A guest that is a namespace of its host."""

    def __init__(self, host: LabHost, wiring: PortWiring, *, addresses: bool) -> None:
        self.host, self.port = host, wiring
        self.mac = bytes.fromhex(wiring.mac.replace(":", ""))
        self.namespace = f"g-{wiring.id[:8]}"
        self.address = wiring.addresses[0].ip_address
        gateways = [one.gateway_ip for one in wiring.network.subnets if one.ip_version == 4]
        script = f"""
ip netns add {self.namespace}
ip link add {wiring.tap} type veth peer name eth0 netns {self.namespace}
n="ip -n {self.namespace}"; $n link set lo up
ip netns exec {self.namespace} ethtool -K eth0 tx off gro off >/dev/null
$n link set eth0 address {wiring.mac} mtu {wiring.network.mtu} up
"""
        if addresses:
            script += "".join(
                f"$n addr add {one.ip_address}/{64 if ':' in one.ip_address else 24} dev eth0\n"
                for one in wiring.addresses
            )
            script += "".join(f"$n route add default via {one}\n" for one in gateways if one)
        host.run("bash", "-ec", script)

    def run(self, *words: str, check: bool = False) -> process.Completed:
        """Run a command in the guest."""
        return self.host.run("ip", "netns", "exec", self.namespace, *words, check=check)

    def ip(self, *words: str) -> str:
        """Run ``ip`` in the guest."""
        return self.run("ip", *words, check=True).text

    def inside(self, action: Callable[[], T]) -> T:
        """Run a function in the guest, in this process."""
        return within(Path(f"/proc/{self.host.pid}/root/run/netns/{self.namespace}"), action)

    def pings(self, address: str, *, source: str | None = None, size: int = 56) -> bool:
        """Tell whether an address answers to one packet of this size, which may not be cut."""
        extra = ("-I", source) if source else ()
        words = ("ping", "-n", "-c1", "-W1", "-M", "do", "-s", str(size), *extra, address)
        return self.run(*words).returncode == 0

    def connects_soon(self, address: str, port: int) -> bool:
        """Tell whether a TCP connection is answered, and give it time to."""
        return soon(lambda: self.connects(address, port))

    def await_up(self) -> None:
        """Wait until its port is up."""
        wait_until(lambda: self.host.ask("inventory")["ports"][self.port.id], what="the port is up")

    def unplug(self) -> None:
        """Take the port from its host, and the guest with it."""
        self.host.unplug(self.port)
        self.host.run("ip", "netns", "delete", self.namespace, check=False)


def within(place: Path, action: Callable[[], T]) -> T:
    """Run a function in a network namespace, in a thread that ends there."""
    found: list[T] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            with place.open() as handle:
                assert ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), 0x40000000) == 0
            found.append(action())
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return found[0]


def soon(ready: Callable[[], bool], *, within_seconds: float = PATIENCE) -> bool:
    """Tell whether something becomes true in time."""
    deadline = time.monotonic() + within_seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
    return True


class Lab:
    """OVN's databases and northd in a namespace with both wires."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.netns = f"ovn-{secrets.token_hex(3)}"
        self.metadata_port = 8775
        process.run("ip", "netns", "add", self.netns)
        self.ip("link", "set", "lo", "up")
        for bridge, address in (("ul", f"{UNDERLAY}.254"), ("ex", f"{OUTSIDE}.1")):
            self.ip("link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0")
            self.ip("link", "set", bridge, "mtu", str(MTU), "up")
            self.ip("addr", "add", f"{address}/24", "dev", bridge)
            self.inside("ethtool", "-K", bridge, "tx", "off")
        self.northbound = NorthboundServer(home)
        process.run("ovsdb-tool", "create", str(home / "sb.db"), str(SCHEMAS / "ovn-sb.ovsschema"))
        self.start_central()
        self.hosts: dict[str, LabHost] = {}

    def start_central(self) -> None:
        """Start the southbound database and northd."""
        sb = f"unix:{self.home / 'sb.sock'}"
        enter = ("nsenter", f"--net=/run/netns/{self.netns}")
        self._central = [
            process.start_child(
                *enter, "ovsdb-server", f"--remote=punix:{self.home / 'sb.sock'}",
                f"--remote=ptcp:6642:{UNDERLAY}.254", f"--unixctl={self.home / 'sb.ctl'}",
                "-vconsole:warn", str(self.home / "sb.db"), log=self.home / "sb.log",
            ),
            process.start_child(
                "ovn-northd", f"--ovnnb-db={self.northbound.remote}", f"--ovnsb-db={sb}",
                f"--unixctl={self.home / 'northd.ctl'}", "-vconsole:warn", log=self.home / "northd.log",
            ),
        ]  # fmt: skip

    def stop_central(self) -> None:
        for one in reversed(self._central):
            one.terminate()
            one.wait()
        (self.home / "sb.sock").unlink(missing_ok=True)

    def boot(self, *names: str) -> list[LabHost]:
        """Start hosts, side by side."""
        first = len(self.hosts) + 1
        made = [LabHost(self, name, first + place) for place, name in enumerate(names)]
        self.hosts |= {host.name: host for host in made}
        for host in made:
            host.wire()
        for host in made:
            host.await_agent()
        wait_until(lambda: self.knows(made), what="OVN knows the hosts")
        return made

    def knows(self, hosts: list[LabHost]) -> bool:
        """Tell whether these hosts have said to OVN that they are there."""
        names = self.sb("--bare", "--columns=name", "list", "chassis").split()
        return {host.name for host in hosts} <= {*names}

    def ip(self, *words: str) -> None:
        process.run("ip", "-n", self.netns, *words)

    def inside(self, *words: str, check: bool = True) -> process.Completed:
        """Run a command on both wires."""
        return process.run("ip", "netns", "exec", self.netns, *words, check=check)

    def outside(self, action: Callable[[], T]) -> T:
        """Run a function as somebody on the provider's wire."""
        return within(Path("/run/netns") / self.netns, action)

    def reaches(self, address: str, port: int) -> bool:
        """Tell whether a TCP connection from outside is answered."""
        try:
            with self.outside(lambda: socket.create_connection((address, port), timeout=1)) as line:
                line.settimeout(PATIENCE)
                return bool(line.recv(64))
        except OSError:
            return False

    @contextlib.contextmanager
    def serving(self, port: int) -> Iterator[None]:
        """Answer TCP connections from outside with a line while the block runs."""
        listener = self.outside(lambda: socket.create_server((f"{OUTSIDE}.1", port)))
        with listener, answering(listener, "outside"):
            yield

    def wire_of(self, host: LabHost) -> socket.socket:
        """Return what hears all that a host and the provider's wire say to each other, VLANs told beside."""

        def opened() -> socket.socket:
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            raw.bind((f"ex{host.number}", 0))
            return raw

        return self.outside(opened)

    def gateway_host(self, name: str) -> str:
        """Return the host that a router leaves by, once there is one."""
        found: list[str] = []

        def known() -> bool:
            chassis = self.sb(
                "--bare", "--columns=chassis", "find", "port_binding", f"logical_port={name}"
            )
            if chassis.strip():
                found.append(self.sb("get", "chassis", chassis.strip(), "name").strip().strip('"'))
            return bool(found)

        wait_until(known, what="a host has the gateway")
        return found[0]

    def sb(self, *words: str) -> str:
        return process.run(
            "ovn-sbctl", "--timeout=20", f"--db=unix:{self.home / 'sb.sock'}", *words
        ).text

    def close(self) -> None:
        for host in self.hosts.values():
            host.close()
        self.stop_central()
        self.northbound.stop()
        process.run("ip", "netns", "delete", self.netns, check=False)


@contextlib.contextmanager
def ovn_lab(home: Path) -> Iterator[Lab]:
    """Run OVN while the block runs."""
    lab = Lab(home)
    try:
        yield lab
    finally:
        lab.close()
