"""A small cloud on fake drivers with all a server needs, and what is left in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloudweb.context import RequestContext
from cloudweb.image_cache.cache import ImageCache
from compute.agent import ComputeAgent
from compute.bootstrap import ensure_default_flavors
from compute.drivers.fake import FakeDriver
from compute.models import Claim, Flavor
from identity.models import Project, User
from image.models import Image
from instances.models import BlockDevice, Instance, InstancePort
from network.agent import NetworkAgent
from network.drivers.fake import FakeNetworkDriver
from network.models import Network, Port
from operations.models import Hold, Operation
from operations.testing import Cloud, check_invariants, cloud
from tests.builders.identity import ApiClient, client_of, make_context, make_member, make_project
from tests.builders.images import RAW
from tests.builders.images import make_image as upload
from tests.builders.networks import make_network, make_subnet
from volume.agent import VolumeAgent
from volume.bootstrap import ensure_default_type
from volume.drivers.fake import FakeVolumeDriver
from volume.manager import VolumeManager, VolumeRequest


@dataclass
class Lab:
    """A cloud with a project, its member, an image, a flavor and a network."""

    cloud: Cloud
    project: Project
    user: User
    context: RequestContext
    client: ApiClient
    image: Image
    flavor: Flavor
    network: Network
    guests: dict[str, FakeDriver] = field(default_factory=dict)
    wires: dict[str, FakeNetworkDriver] = field(default_factory=dict)
    stores: dict[str, FakeVolumeDriver] = field(default_factory=dict)
    stores_lack: tuple[str, ...] = ()

    def add_host(self, name: str, **size: Any) -> None:
        """Start (again) a host on fake drivers; its guests and networks are found again."""
        state, is_new = self.cloud.directory / name, name not in self.guests
        self.guests[name] = FakeDriver(state / "compute", name, **size)
        self.wires[name] = FakeNetworkDriver(state / "network", name)
        self.stores[name] = FakeVolumeDriver(state / "volume", name, lacks=self.stores_lack)
        for folder in ("compute", "network", "volume"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        images = ImageCache(state / "images", 1 << 30)
        compute = ComputeAgent(self.guests[name], images, state)
        network = NetworkAgent(self.wires[name], state / "network")
        volume = VolumeAgent({"fake": self.stores[name]}, images, state / "volume")
        agents = {"compute": compute, "network": network, "volume": volume}
        host = self.cloud.add_host(name, agents)
        if is_new or host.reporter.is_awaited():  # one that came back has said it all already
            self.cloud.report()
            self.cloud.pump()

    def give_agent(self) -> None:
        """Let servers that are made of the image from now on bring QEMU's agent."""
        self.image.properties.create(name="hw_qemu_guest_agent", value="yes")

    def start_guests(self, name: str) -> None:
        """Let a host start what ran before its machine went down, as its runtime does."""
        host = self.cloud.hosts[name]
        for agent in host.agents.values():
            agent.start_guests(host.book.scope_lock)

    def body(self, **overrides: Any) -> dict[str, Any]:
        """A create's body, as the openstack command sends it."""
        server = {
            "name": "vm1",
            "imageRef": str(self.image.id),
            "flavorRef": self.flavor.id,
            "networks": [{"uuid": str(self.network.id)}],
            "min_count": 1,
            "max_count": 1,
            **overrides,
        }
        return {"server": {key: value for key, value in server.items() if value is not None}}

    def create(self, *, settle: bool = True, **overrides: Any) -> str:
        """Create a server over HTTP; return its id."""
        answer = self.client.send("POST", "/compute/v2.1/servers", self.body(**overrides))
        assert answer.status_code == 202, answer.content
        if settle:
            self.cloud.settle()
        return str(answer.json()["server"]["id"])

    def show(self, server_id: str, version: str = "2.96") -> dict[str, Any]:
        """Show a server at a microversion."""
        answer = self.client.send(
            "GET", f"/compute/v2.1/servers/{server_id}", OpenStack_API_Version=f"compute {version}"
        )
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()["server"]
        return found

    def make_volume(self, **overrides: Any) -> str:
        """Make a volume that is available; return its id."""
        ensure_default_type()
        volume = VolumeManager(self.context).create(VolumeRequest(**{"size": 1, **overrides}))
        self.cloud.settle()
        return str(volume.id)

    def send(
        self, method: str, path: str, body: Any = None, *, version: str = "2.89", client: Any = None
    ) -> Any:
        """Ask compute at a microversion; return the answer."""
        sender = client or self.client
        headers = {"OpenStack_API_Version": f"compute {version}"}
        return sender.send(method, f"/compute/v2.1{path}", body, **headers)

    def act(self, server_id: str, action: str, value: Any = None) -> Any:
        """Do an action; return the answer."""
        return self.client.send(
            "POST", f"/compute/v2.1/servers/{server_id}/action", {action: value}
        )


@contextmanager
def lab(directory: Path, *, hosts: int = 1, stores_lack: tuple[str, ...] = ()) -> Iterator[Lab]:
    """Run a block in a small cloud; its back ends of volumes lack these capabilities."""
    with cloud(directory) as running:
        ensure_default_flavors()
        project = make_project()
        user = make_member("member", project=project)
        context = make_context(user)
        network = make_subnet(make_network(context, name="net1"), context).network
        network = Network.objects.get(id=network.id)  # as it is with its subnet
        made = Lab(
            cloud=running,
            project=project,
            user=user,
            context=context,
            client=client_of(user),
            image=upload(context=context, data=RAW, name="cirros"),
            flavor=Flavor.objects.order_by("ram").first(),  # type: ignore[arg-type]
            network=network,
            stores_lack=stores_lack,
        )
        for number in range(hosts):
            made.add_host(f"h{number + 1}")
        yield made


def census(made: Lab) -> dict[str, Any]:
    """Return what exists, wherever it may be; database, hypervisors and networks must agree."""
    check_invariants()
    gone = {"instance__vm_state": "deleted"}
    return {
        "left of deleted servers": BlockDevice.objects.filter(**gone).count()
        + InstancePort.objects.filter(**gone).count(),
        "servers": Instance.objects.alive().count(),
        "claims": Claim.objects.count(),
        "holds": Hold.objects.count(),
        "live": Operation.objects.exclude(state__in=("DONE", "UNDONE")).count(),
        "ports": Port.objects.filter(device_owner__startswith="compute:").count(),
        "guests": sum(len(driver.list()) for driver in made.guests.values()),
        "taps": sum(len(driver.ports()) for driver in made.wires.values()),
        "segments": sum(len(driver.segments()) for driver in made.wires.values()),
        "kept": sum(len(driver.census()) for driver in made.stores.values()),
    }


NOTHING = {
    "left of deleted servers": 0,
    "servers": 0,
    "claims": 0,
    "holds": 0,
    "live": 0,
    "ports": 0,
    "guests": 0,
    "taps": 0,
    "segments": 0,
    "kept": 0,
}
