"""How a host gets its network agent: the driver that settings name."""

from __future__ import annotations

from pathlib import Path

from cloudweb.conf import drivers, env
from cloudweb.driver import load_class
from cloudweb.files import make_directory
from network.agent import NetworkAgent
from network.backend import is_ovn

DRIVERS = {
    "real": "network.drivers.linuxbridge.LinuxBridgeDriver",
    "ovn": "network.drivers.ovn.OvnDriver",
    "fake": "network.drivers.fake.FakeNetworkDriver",
}


def build_agent(*, host: str, directory: Path) -> NetworkAgent:
    """Return the agent of a host that keeps its state under ``directory``/network."""
    kind = "ovn" if drivers() == "real" and is_ovn() else drivers()
    name = env.str("NETWORK_DRIVER", default=DRIVERS[kind])
    state = make_directory(directory / "network")
    driver = load_class(name)(state_dir=state, host=host)
    return NetworkAgent(driver, state, fence_after=env.float("NETWORK_FENCE_AFTER", default=0))
