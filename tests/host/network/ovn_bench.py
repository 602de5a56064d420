"""OVN's host driver on a real Open vSwitch of its own, in a namespace, and what is left of it at the end.

Nobody has written rows for the ports of these tests, so a stand-in for ovn-controller says of each that its
flows are there. Filters, DHCP and routers are no part of this driver: ``test_ovn`` has them, with all of OVN.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cloudweb import process
from network.agent import NetworkAgent
from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.linuxbridge.links import Links
from network.drivers.ovn import OvnDriver
from network.drivers.ovn.driver import OvnConfig
from network.drivers.ovn.switch import BRIDGE, INSTALLATION, Switch
from network.objects import PortWiring
from tests.host.network.bench import make_config
from tests.infrastructure import scratch, wait_until

HOST = "h1"
AWAY = "ovn-controller does not run"


class VirtualSwitch:
    """Open vSwitch with OVN's bridge."""

    def __init__(self, home: Path) -> None:
        self.home, self.namespace = home, f"ovs-{home.name[-8:]}"
        namespaces.ensure(self.namespace)
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        process.run("ovsdb-tool", "create", str(home / "conf.db"), schema)
        self._processes = [
            self._start("ovsdb-server", f"--remote=punix:{home}/db.sock", f"{home}/conf.db")
        ]
        wait_until((home / "db.sock").exists, what="Open vSwitch's database listens")
        said = f"external_ids:system-id={HOST}", "external_ids:ovn-remote=tcp:192.0.2.1:6642"
        more = "external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=192.0.2.2"
        self._tell("--no-wait", "init", "--", "set", "Open_vSwitch", ".", *said, *more)
        self._processes.append(
            self._start("ovs-vswitchd", "--disable-system", f"unix:{home}/db.sock")
        )
        self._tell("add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev")

    def names(self, installation: str) -> list[str]:
        """Return which interfaces of an installation it knows."""
        found = self._tell("--bare", "--columns=name", "find", "Interface",
                           f"external_ids:{INSTALLATION}={installation}")  # fmt: skip
        return found.split()

    def close(self) -> None:
        for one in reversed(self._processes):
            one.terminate()
            one.wait()
        namespaces.delete(self.namespace)

    def _start(self, *words: str) -> Any:
        return process.start_child(
            *namespaces.command(self.namespace, *words), "-vconsole:off",
            log=self.home / f"{words[0]}.log", env=self._places(),
        )  # fmt: skip

    def _tell(self, *words: str) -> str:
        return process.run("ovs-vsctl", "--timeout=20", *words, env=self._places()).text

    def _places(self) -> dict[str, str]:
        return {"OVS_RUNDIR": str(self.home), "OVS_LOGDIR": str(self.home)}


@contextlib.contextmanager
def virtual_switch() -> Iterator[VirtualSwitch]:
    """Run Open vSwitch while the block runs; its tools find it."""
    with scratch("ovs") as home:
        switch = VirtualSwitch(home)
        before = os.environ.get("OVS_RUNDIR")
        os.environ["OVS_RUNDIR"] = str(home)
        try:
            yield switch
        finally:
            os.environ.pop("OVS_RUNDIR")
            if before is not None:
                os.environ["OVS_RUNDIR"] = before
            switch.close()


class Controlled(Switch):
    """The switch, and a stand-in for ovn-controller."""

    def plug(self, name: str, **said: Any) -> None:
        super().plug(name, **said)
        self._run("set", "Interface", name, 'external_ids:ovn-installed="true"')


class Inside:
    """An object whose methods are called in a namespace."""

    def __init__(self, target: Any, namespace: str) -> None:
        self._target, self._namespace = target, namespace

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found
        return lambda *args, **said: namespaces.inside(
            self._namespace, lambda: found(*args, **said)
        )


class OvnBench:
    """An agent with OvnDriver."""

    def __init__(self, directory: Path, switch: VirtualSwitch) -> None:
        self.directory, self._switch = directory, switch
        self.config: BridgeConfig = make_config()
        self.restart()

    def restart(self) -> None:
        """Let a new process take over: new objects over the same state."""
        ovn = OvnConfig(offloads=False)
        driver = OvnDriver(self.directory / "driver", HOST, config=self.config, ovn=ovn)
        driver._switch = Controlled(driver.config.installation)
        self._installation = driver.config.installation
        agent = NetworkAgent(driver, self.directory / "agent")
        self.driver: Any = Inside(driver, self._switch.namespace)
        self.agent: Any = Inside(agent, self._switch.namespace)
        assert not [problem for problem in self.agent.init_host() if AWAY not in problem]

    def filters_of(self, port: PortWiring) -> None:
        """Return nothing: filters are in OVN's database."""

    def members_of(self, network_id: str, group_id: str) -> set[str]:
        raise AssertionError("members are in OVN's database")

    def census(self) -> Sequence[str]:
        """Return every interface and namespace of a network that is left."""
        prefix, table = self.config.prefix, self.config.table

        def links() -> list[str]:
            with Links.open() as found:
                return [one.name for one in found.all() if one.alias.startswith(f"{prefix} ")]

        left = namespaces.inside(self._switch.namespace, links)
        left += namespaces.names(f"{table}-")
        return [*left, *self._switch.names(self._installation)]

    def close(self) -> None:
        """Take all away."""
        self.agent.delete_everything()
        assert not self.census()
