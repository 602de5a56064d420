"""The process is killed at each checkpoint of an order, really; the next order sets it right."""

from __future__ import annotations

import json
import sys

import pytest

from cloudweb import process
from cloudweb.conf import ROOT
from cloudweb.driver import Unguarded
from tests.builders.guests import ref
from tests.builders.libvirt_bench import LibvirtBench, spawn

WORK = Unguarded()
KILLED = -9
PROGRAM = """
import json, os, signal, sys
from pathlib import Path
from compute.drivers.libvirt import LibvirtDriver
from compute.objects import GuestRef, GuestSpec

class Deadly:
    left = int(sys.argv[2])
    def checkpoint(self):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
    def progress(self, percent, text=""):
        pass

order = json.loads(sys.stdin.read())
driver = LibvirtDriver(Path(order["state"]), "h1", "private", run_dir=Path(order["run"]))
driver.start(lambda guest_id, power_state: None)
spec = GuestSpec.load(order["spec"])
if sys.argv[1] == "spawn":
    driver.spawn(spec, images={k: Path(v) for k, v in order["images"].items()}, work=Deadly())
else:
    driver.destroy(GuestRef(id=spec.id, name=spec.name), work=Deadly())
"""


def killed(host: LibvirtBench, method: str, spec: object, checkpoint: int) -> bool:
    """Run an order in a process that dies at that checkpoint; tell whether it died there."""
    order = {
        "state": str(host.state_dir),
        "run": str(host.run_dir),
        "spec": spec.dump(),  # type: ignore[attr-defined]
        "images": {name: str(path) for name, path in host.images.items()},
    }
    done = process.run(
        sys.executable, "-c", PROGRAM, method, str(checkpoint),
        data=json.dumps(order).encode(), check=False, timeout=100,
        env={"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "cloudweb.settings.agent"},
    )  # fmt: skip
    assert done.returncode in (0, KILLED), done.stderr.decode()
    return done.returncode == KILLED


@pytest.mark.timeout(300)
def test_killed_in_a_spawn(host: LibvirtBench) -> None:
    for checkpoint in range(50):
        spec = host.make_guest()
        if not killed(host, "spawn", spec, checkpoint):
            host.driver.destroy(ref(spec), work=WORK)
            break
        if checkpoint % 2:  # half of the points each way, so that all are cheap
            spawn(host, spec)
            assert host.driver.get(spec.id).power_state == "running"
        host.driver.destroy(ref(spec), work=WORK)
        assert list(host.census()) == []
    assert checkpoint >= 4
    assert list(host.census()) == []


@pytest.mark.timeout(300)
def test_killed_in_a_destroy(host: LibvirtBench) -> None:
    for checkpoint in range(50):
        spec = host.make_guest()
        spawn(host, spec)
        if not killed(host, "destroy", spec, checkpoint):
            break
        host.driver.destroy(ref(spec), work=WORK)
        assert list(host.census()) == []
    assert checkpoint >= 2
    assert list(host.census()) == []
