"""How a host gets its volume agent: the back ends that settings name, each with its driver."""

from __future__ import annotations

from pathlib import Path

from cloudweb.conf import drivers, env
from cloudweb.driver import DriverError, load_class
from cloudweb.files import PASSED_THROUGH, make_directory
from cloudweb.image_cache.cache import cache_of_host
from volume.agent import VolumeAgent
from volume.drivers.base import VolumeDriver

DRIVERS = {
    "ceph": "volume.drivers.ceph.CephDriver",
    "lvm": "volume.drivers.lvm.LvmDriver",
    "file": "volume.drivers.file.FileDriver",
    "fake": "volume.drivers.fake.FakeVolumeDriver",
}


def build_agent(*, host: str, directory: Path) -> VolumeAgent:
    """Return the agent of a host that keeps its state under ``directory``/volume."""
    state = make_directory(directory / "volume", PASSED_THROUGH)
    return VolumeAgent(build_drivers(host=host, directory=state), cache_of_host(directory), state)


def build_drivers(*, host: str, directory: Path) -> dict[str, VolumeDriver]:
    """Return the driver of each back end that VOLUME_BACKENDS names.

    A back end is called as its driver is, unless VOLUME_<NAME>_DRIVER says what drives it.
    """
    found = {}
    for name in backend_names():
        dotted = env.str(f"VOLUME_{name.upper()}_DRIVER", default=DRIVERS.get(name, name))
        place = make_directory(directory / name, PASSED_THROUGH)
        try:
            kind = load_class(DRIVERS.get(dotted, dotted))
        except (ImportError, ValueError) as error:
            raise DriverError(
                f"VOLUME_BACKENDS names {name!r}, for which there is no driver: set "
                f"VOLUME_{name.upper()}_DRIVER to one of {', '.join(sorted(DRIVERS))}, or to a class.",
                detail=str(error),
            ) from error
        found[name] = kind(state_dir=place, host=host, backend=name)
    return found


def backend_names() -> list[str]:
    """Return the back ends of this host (VOLUME_BACKENDS)."""
    default = ["fake"] if drivers() == "fake" else ["file"]
    return [one.strip() for one in env.list("VOLUME_BACKENDS", default=default) if one.strip()]
