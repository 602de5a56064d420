"""How a host gets its compute agent: the driver that settings name, and a cache of images."""

from __future__ import annotations

from pathlib import Path

from cloudweb.conf import drivers, env
from cloudweb.driver import load_class
from cloudweb.files import PASSED_THROUGH, make_directory
from cloudweb.image_cache.cache import cache_of_host
from compute.agent import ComputeAgent
from compute.conf import SELF_FENCE

DRIVERS = {
    "real": "compute.drivers.libvirt.LibvirtDriver",
    "fake": "compute.drivers.fake.FakeDriver",
}


def build_agent(*, host: str, directory: Path) -> ComputeAgent:
    """Return the agent of a host that keeps its state under ``directory``/compute."""
    name = env.str("COMPUTE_DRIVER", default=DRIVERS[drivers()])
    state = make_directory(directory / "compute", PASSED_THROUGH)
    driver = load_class(name)(state_dir=state, host=host)
    return ComputeAgent(driver, cache_of_host(directory), directory, self_fence=SELF_FENCE)
