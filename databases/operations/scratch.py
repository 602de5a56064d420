"""A database for a trial: of the smallest flavor that fits, on a network of its own that leads nowhere.

What is restored may connect by itself to where its original did (subscriptions, foreign servers): so nothing
leaves its port but questions for metadata, and nothing comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.exceptions import NotFound
from cloudweb.listing import Listing
from compute.manager import FlavorManager
from databases.images import image_of
from databases.models import Backup, DatabaseInstance
from databases.operations.parts import make_port
from databases.operations.rows import instance_of, parts_context, write
from image.manager import ImageManager
from network.manager import NetworkManager, SecurityGroupRuleManager, SubnetManager
from operations.saga import NEEDLESS, Run, StepFailed, StepFunction, StepResult

BLOCK = "192.168.254.0/28"
METADATA = "169.254.169.254/32"


def on_scratch(step: StepFunction) -> StepFunction:
    """Return a step that does nothing where nothing is restored."""

    def do(run: Run) -> StepResult:
        return step(run) if is_tried(run) else NEEDLESS

    return do


def is_tried(run: Run) -> bool:
    """Tell whether the backup is restored, not only looked at."""
    if "scratch" not in run.args:
        return False
    return DatabaseInstance.objects.filter(id=run.args["scratch"]).exists()


def unless_damaged(step: Callable[[Run], StepResult]) -> StepFunction:
    """Return a step of the way there: what is known to be damaged is not restored."""

    def do(run: Run) -> StepResult:
        return NEEDLESS if run.results["check"]["fault"] else step(run)

    return on_scratch(do)


def choose_flavor(run: Run) -> None:
    """Take the smallest flavor on which the image boots, and what was set for its original has room."""
    instance = instance_of(run)
    context = parts_context(instance)
    image = ImageManager(RequestContext.system()).get(image_of(instance.version))
    known = Backup.objects.filter(id=run.resource_id).values_list("ram", flat=True)
    ram = known.first() or 0
    found = [
        one
        for one in FlavorManager(context).list(min_ram=max(ram, image.min_ram)).rows
        if one.disk >= image.min_disk or not one.disk
    ]
    if not found:
        raise StepFailed("No flavor has as much memory as its database had.")
    least = min(found, key=lambda one: (bool(one.specs()), one.ram, one.vcpus, one.disk))
    write(run, flavor_id=least.id, ram=least.ram)


def make_network(run: Run) -> None:
    """Make the network that nobody else is on."""
    instance = instance_of(run)
    context = parts_context(instance)
    network = NetworkManager(context).create(name=f"database-{instance.id}")
    SubnetManager(context).create(network_id=network.id, cidr=BLOCK)
    write(run, network_id=network.id)


def drop_network(run: Run) -> None:
    """Remove it, as far as it is there; of other databases it is their tenant's."""
    instance = instance_of(run)
    if instance.is_scratch and instance.network_id is not None:
        with suppress(NotFound):
            NetworkManager(parts_context(instance)).delete(instance.network_id)
        write(run, network_id=None)


def make_closed_port(run: Run) -> None:
    """Make group and port, and let nothing through but what the agent asks its host."""
    make_port(run)
    instance = instance_of(run)
    rules = SecurityGroupRuleManager(parts_context(instance))
    for rule in rules.list(Listing(where=Q(security_group_id=instance.group_id))).rows:
        rules.delete(rule.id)
    rules.create(
        security_group_id=str(instance.group_id),
        direction="egress",
        ethertype="IPv4",
        protocol="tcp",
        port_range_min=80,
        port_range_max=80,
        remote_ip_prefix=METADATA,
    )
