"""``python -m benchmarks.real_guest``: servers and volumes with the real driver.

POST to ACTIVE against libvirt alone for the same guest; volumes attached to one that is up, and made of an image.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.client import Client
from benchmarks.figures import Figure, heading
from benchmarks.libvirt_alone import libvirt_alone
from benchmarks.processes import Meter
from cloudweb.driver import load_class
from tests.infrastructure import Cloud, running_cloud, scratch

GUESTS = 5


def figures() -> Iterator[Figure]:
    """Boot the demo image a few times through the cloud, then through libvirt."""
    with scratch("real") as var, running_cloud(var=var, timeout=300, DRIVERS="real") as cloud:
        try:
            yield from _measure(cloud)
        finally:
            load_class("cloudweb.supervisor.removal.remove_hosts")(var / "hosts")


def _measure(cloud: Cloud) -> Iterator[Figure]:
    client = Client(cloud.url, cloud.clouds_yaml)
    flavors = client.get("/compute/v2.1/flavors")["flavors"]
    flavor = next(flavor["id"] for flavor in flavors if flavor["name"] == "m1.nano")
    image = client.get("/image/v2/images", name="demo")["images"][0]["id"]
    networks = client.get("/network/v2.0/networks")["networks"]
    network = next(found["id"] for found in networks if found["name"] == "demo")
    meter = Meter(cloud.pid, cloud.var / "statements")
    times: list[float] = []

    def boot(number: int) -> None:
        started = time.perf_counter()
        server = client.create_server(f"real-{number}", flavor=flavor, image=image, network=network)
        client.wait_active(server)
        times.append(time.perf_counter() - started)
        client.delete_server(server)
        client.wait_gone(server)

    boot(0)  # fetches the image, probes the hypervisor
    times.clear()
    with meter.measured() as cost:
        for number in range(GUESTS):
            boot(number)
    yield Figure("Real guest: POST /servers until ACTIVE (median)", median(times) * 1000, "ms")
    yield Figure(
        "Real guest: CPU of our processes for each, delete included", cost.cpu_ms / GUESTS, "ms"
    )
    server = client.create_server("real-model", flavor=flavor, image=image, network=network)
    client.wait_active(server)
    yield from _volumes(client, server)
    yield from _volumes_of_an_image(client, image)
    alone = median(libvirt_alone(cloud.var / "hosts", GUESTS)) * 1000
    client.delete_server(server)
    client.wait_gone(server)
    yield Figure("Real guest: overlay and start by libvirt alone (median)", alone, "ms")
    ours = median(times) * 1000
    yield Figure("Real guest: ours, as a multiple of libvirt alone", ours / alone, "x")


def _volumes(client: Client, server: str) -> Iterator[Figure]:
    """Attach a volume to a guest that is up, and detach it, a few times."""
    console = {"os-getConsoleOutput": {}}
    action = f"/compute/v2.1/servers/{server}/action"
    while "boot complete" not in client.post(action, console)["output"]:
        time.sleep(0.5)
    volumes = f"/volume/v3/{client.project_id}/volumes"
    key = client.post(volumes, {"volume": {"name": "real", "size": 1}})["volume"]["id"]
    attachments = f"/compute/v2.1/servers/{server}/os-volume_attachments"
    attach, detach = [], []
    _wait_for(client, f"{volumes}/{key}", "available")
    for _ in range(GUESTS):
        started = time.perf_counter()
        client.post(attachments, {"volumeAttachment": {"volumeId": key}})
        _wait_for(client, f"{volumes}/{key}", "in-use")
        attach.append(time.perf_counter() - started)
        started = time.perf_counter()
        client.delete(f"{attachments}/{key}")
        _wait_for(client, f"{volumes}/{key}", "available")
        detach.append(time.perf_counter() - started)
    client.delete(f"{volumes}/{key}")
    for what, times in (("attached", attach), ("detached", detach)):
        yield Figure(
            f"Real guest: a volume is {what} (median)", median(times) * 1000, "ms", goal=1000
        )


def _volumes_of_an_image(client: Client, image: str) -> Iterator[Figure]:
    """Make volumes of an image that the host has in its cache."""
    volumes = f"/volume/v3/{client.project_id}/volumes"
    times = []
    for number in range(GUESTS + 1):
        started = time.perf_counter()
        wanted = {"name": f"of-image-{number}", "size": 1, "imageRef": image}
        key = client.post(volumes, {"volume": wanted})["volume"]["id"]
        _wait_for(client, f"{volumes}/{key}", "available")
        times.append(time.perf_counter() - started)
        client.delete(f"{volumes}/{key}")
    median_of = median(times[1:])  # the first may have had to fetch it
    yield Figure(
        "Real guest: a volume of a cached image is available (median)",
        median_of * 1000,
        "ms",
        goal=300,
    )


def _wait_for(client: Client, path: str, status: str) -> None:
    while (found := client.get(path)["volume"])["status"] != status:
        if "error" in found["status"]:
            raise RuntimeError(str(found))
        time.sleep(0.01)


def main() -> int:
    """Measure and print as it comes."""
    print(heading(), flush=True)
    for figure in figures():
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
