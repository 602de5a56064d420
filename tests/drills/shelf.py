"""How servers are drilled that are put away and come back, or are deleted for now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cloudweb.context import RequestContext
from instances import conf
from instances.manager import InstanceManager
from instances.models import Instance
from instances.operations import (
    OffloadInstance,
    RestoreInstance,
    ShelveInstance,
    SoftDeleteInstance,
    UnshelveInstance,
)
from operations.testing import Drill
from tests.builders.instances import Lab
from tests.drills.server_images import census, with_api
from tests.drills.servers import ALONE, act, alone, delete, ends


def after(*actions: str) -> Callable[[Lab], str]:
    """Build a server and do these things to it."""

    def prepare(made: Lab) -> str:
        server = alone(made)
        for action in actions:
            act(action)(made, server)
            made.cloud.settle()
        return server

    return prepare


@contextmanager
def staying(directory: Path) -> Iterator[Lab]:
    """Run a block where shelved servers stay on their hosts."""
    with with_api(directory) as made, patch.object(conf, "SHELVED_OFFLOAD_TIME", -1):
        yield made


@contextmanager
def keeping(directory: Path) -> Iterator[Lab]:
    """Run a block where deleted servers can be restored."""
    with with_api(directory) as made, patch.object(conf, "RECLAIM_INTERVAL", 3600):
        yield made


def places(made: Lab, subject: Any) -> dict[str, Any]:
    """Tell where the server is, too, while there is one."""
    hosts = [*Instance.objects.alive().values_list("host", flat=True)]
    return {**census(made, subject), "hosts": hosts}


def offload(_made: Lab, server: str) -> None:
    """Take a shelved server off its host, as an operator does."""
    InstanceManager(RequestContext.system()).shelve_offload(server)


LEFT: dict[str, Any] = {"images": [], "copies": []}
RUNS: dict[str, Any] = {**ends("active", "running", **ALONE), **LEFT, "hosts": ["h1"]}
IMAGE = {"images": [("vm1-shelved", "active")]}
#: On no host: its port is its own.
AWAY: dict[str, Any] = {
    **ends("shelved_offloaded", servers=1, ports=1),
    **LEFT,
    **IMAGE,
    "hosts": [""],
}
DRILLS = (
    Drill(
        saga=ShelveInstance,
        world=with_api,
        prepare=alone,
        start=act("shelve"),
        census=places,
        done=AWAY,
        undone=RUNS,
        preempt=delete,
        preempted={**ends("deleted"), **LEFT, "hosts": []},
        only=("power_off", "keep", "destroy"),
    ),
    Drill(
        saga=OffloadInstance,
        world=staying,
        prepare=after("shelve"),
        start=offload,
        census=places,
        done=AWAY,
        undone={"states": [("shelved", None)], **IMAGE},
    ),
    Drill(
        saga=UnshelveInstance,
        world=with_api,
        prepare=after("shelve"),
        start=act("unshelve"),
        census=places,
        done=RUNS,
        undone=AWAY,
        only=("claim_host", "spawn"),
    ),
    Drill(
        saga=SoftDeleteInstance,
        world=keeping,
        prepare=alone,
        start=delete,
        census=places,
        done={**ends("soft-delete", "shutdown", **ALONE), **LEFT, "hosts": ["h1"]},
        undone={**ALONE, "states": [("active", None)]},
    ),
    Drill(
        saga=RestoreInstance,
        world=keeping,
        prepare=after("delete"),
        start=act("restore"),
        census=places,
        done=RUNS,
        undone={**ALONE, "states": [("soft-delete", None)]},
        only=("power_on",),
    ),
)
