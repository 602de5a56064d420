"""One machine with a cloud of its own on real drivers, taken off the machine at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openstack.connection import Connection

from cloudweb import process
from cloudweb.conf import host_name
from tests.builders import libvirt_knowledge
from tests.builders.ceph import USER, CephCluster, ceph_cluster, missing
from tests.builders.demo_image import demo_image
from tests.host.cloud.census import leftovers
from tests.host.cloud.tenants import operator
from tests.host.network.bench import make_config, make_flat_network
from tests.infrastructure import ROOT, Cloud, free_port, running_cloud, scratch, wait_until


def own_names() -> dict[str, str]:
    """Return settings with which a cloud meets no other one on this machine."""
    config = make_config()
    return {
        "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
        "CLOUDWEB_TIME_SCALE": "1",
        "DRIVERS": "real",
        "LIBVIRT_URI": "private",
        "NETWORK_PREFIX": config.prefix,
        "NETWORK_WAY_OUT": str(config.way_out),
        "NETWORK_ZONES": str(config.zones),
        "METADATA_PORT": str(free_port()),
        "PUBLIC_CIDR": make_flat_network().subnets[0].cidr,
    }


def remove(var: Path, settings: dict[str, str]) -> None:
    """Take all hosts that were run from a data directory off the machine (``make clean``)."""
    process.run(
        sys.executable, "-m", "cloudweb.supervisor.removal", cwd=ROOT,
        env={**settings, "CLOUDWEB_VAR": str(var), "DJANGO_SETTINGS_MODULE": "cloudweb.settings.agent"},
    )  # fmt: skip


def descendants(pid: int) -> list[int]:
    """Return a process and all that came from it and still belongs to it, parents first."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


@dataclass
class Machine:
    """The machine, and the cloud that runs on it now."""

    var: Path
    settings: dict[str, str]
    stack: contextlib.ExitStack
    cloud: Cloud | None = None
    ceph: CephCluster | None = None

    @property
    def host_directory(self) -> Path:
        """What its agents keep."""
        return self.var / "hosts" / host_name()

    @property
    def backends(self) -> list[str]:
        """The back ends of its volumes: two of files, and Ceph where there is one."""
        return self.settings["VOLUME_BACKENDS"].split(",")

    def start(self) -> Cloud:
        """Start the cloud, the first time or again."""
        self.cloud = self.stack.enter_context(running_cloud(var=self.var, **self.settings))
        return self.cloud

    def kill(self) -> None:
        """End everything of ours by SIGKILL: supervisor, workers, API, broker. Guests are not ours."""
        assert self.cloud is not None
        pids = descendants(self.cloud.pid)
        assert len(pids) >= 5
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids[1:]:
            wait_until(lambda pid=pid: not _lives(pid), what=f"{pid} is dead")

    def leftovers(self, *, disk: bool = True) -> list[str]:
        """Return what servers have left."""
        return leftovers(self.host_directory, prefix=self.settings["NETWORK_PREFIX"], disk=disk)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with scratch("one") as var, contextlib.ExitStack() as around:
        shutil.copytree(demo_image(), var / "demo-image")  # it is not built anew
        settings = {
            **own_names(),
            "LISTEN": f"127.0.0.1:{free_port()}",
            "SERVER_STOP_TIMEOUT": "30",
            "DATABASE_LOG_EVERY": "10",
            "DATABASE_ANSWER_WITHIN": "60",
            "VOLUME_BACKENDS": "file,second",
            "VOLUME_SECOND_DRIVER": "file",
        }
        cluster = None if missing() else around.enter_context(ceph_cluster(lasting=True))
        if cluster is not None:
            settings |= {
                "VOLUME_BACKENDS": "file,second,ceph",
                "VOLUME_CEPH_CONF": str(cluster.conf),
                "VOLUME_CEPH_USER": USER,
                "VOLUME_CEPH_POOLS": "default",
            }
        made = Machine(var, settings, contextlib.ExitStack(), ceph=cluster)
        libvirt_knowledge.give(made.host_directory / "compute")
        try:
            with made.stack:
                made.start()
                yield made
            libvirt_knowledge.keep(made.host_directory / "compute")
        finally:
            remove(var, settings)
            assert not made.leftovers(disk=False)


@pytest.fixture(scope="module")
def admin(machine: Machine) -> Connection:
    assert machine.cloud is not None
    return operator(machine.cloud)
