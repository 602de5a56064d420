"""Every POST that makes something is done once for one ``Idempotency-Key``, in every service."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from operations.models import FirstAnswer
from tests.builders import identity_world
from tests.builders.access import Line, World, standing
from tests.contract.test_every_route_has_an_access_test import (
    WITHOUT_LINES,
    of_services,
    route_of,
)

IDENTITY = "/identity/v3"
#: What a POST is only in form, with the reason why a key counts for nothing there.
MAKES_NOTHING = {
    f"POST {IDENTITY}/auth/tokens": "a log-in, by whoever",
    f"POST {IDENTITY}/OS-FEDERATION/identity_providers/<str:provider_id>"
    "/protocols/<str:protocol>/auth": "a log-in",
    f"POST {IDENTITY}/ec2tokens": "tells who signed",
    f"POST {IDENTITY}/s3tokens": "tells who signed",
    f"POST {IDENTITY}/OS-OAUTH1/request_token": "signed by a consumer, for one time",
    f"POST {IDENTITY}/OS-OAUTH1/access_token": "signed by a consumer, for one time",
    "POST /compute/v2.1/os-dry-run": "computes, and stores nothing",
    "POST /network/v2.0/path-traces": "computes, and stores nothing",
    "POST /network/v2.0/agents/<str:agent_id>/dhcp-networks": "agrees or refuses, and stores nothing",
    **dict.fromkeys(
        (
            "POST /volume/v3/os-volume-manage",
            "POST /volume/v3/manageable_volumes",
            "POST /volume/v3/os-snapshot-manage",
            "POST /volume/v3/manageable_snapshots",
        ),
        "asks a host, which is not there; tests/functional/volume/test_managing_api.py has one",
    ),
    **dict.fromkeys(
        (
            "POST /compute/v2.1/<removed:removed>",
            "POST /compute/v2.1/os-networks",
            "POST /compute/v2.1/os-networks/<str:network_id>",
            "POST /compute/v2.1/os-networks/<str:network_id>/action",
            "POST /compute/v2.1/os-tenant-networks",
            "POST /compute/v2.1/os-tenant-networks/<str:network_id>",
        ),
        "is gone",
    ),
    "POST /compute/v2.1/servers/<str:server_id>/migrations/<str:migration_id>/action": "ends what "
    "another call began",
    **{
        f"POST /database/v1.0/instances/<str:instance_id>/{what}": "asks a guest and waits for it"
        for what in ("databases", "users", "root", "log")
    },
    "POST /compute/v2.1/servers/<str:server_id>/remote-consoles": "tells an address that is good once",
    f"POST {IDENTITY}/users/<str:user_id>/password": "shows itself who it is",
}
CALLERS = ("owner", "member", "admin", "system_admin")


def by_world() -> dict[Callable[[Any], Any], list[Line]]:
    """Return the POSTs that the access tests send, by what builds their world."""
    found = defaultdict(list)
    for path in sorted(Path(__file__).parent.glob("access/test_*.py")):
        if path.stem in WITHOUT_LINES:
            continue
        module = importlib.import_module(f"tests.contract.access.{path.stem}")
        build = getattr(module, "build", identity_world.build)
        found[build] += [line for line in module.test_access.lines if line.method == "POST"]
    return found


def outcome(world: World, line: Line) -> str:
    """Send a request, send it again, send another with the same key; say what that came to."""
    caller = next(one for one in CALLERS if one in line.passes)
    keyed = replace(line, headers={**line.headers, "Idempotency-Key": "the-key"})
    first, again = world.send(keyed, caller), world.send(keyed, caller)
    other = world.send(replace(keyed, path=f"{line.path}?other=1"), caller)
    if first.status_code != line.status:
        return f"first {first.status_code}: {first.content.decode()[:200]}"
    if (again.status_code, again.content) != (first.status_code, first.content):
        return f"again {again.status_code}: {again.content.decode()[:200]}"
    if other.status_code != 422 or "Idempotency-Key" not in other.content.decode():
        return f"other {other.status_code}: {other.content.decode()[:200]}"
    return "once" if FirstAnswer.objects.count() == 1 else "kept nothing"


@pytest.mark.django_db
def test_every_post_that_makes_something(tmp_path: Path) -> None:
    found: dict[str, str] = {}
    for number, (build, lines) in enumerate(by_world().items()):
        with standing(build, tmp_path / str(number)) as world:
            for line in lines:
                route = route_of(line)
                if route in MAKES_NOTHING or found.get(route) == "once":
                    continue
                with transaction.atomic():
                    found[route] = outcome(world, line)
                    transaction.set_rollback(True)
    posts = {route for route in of_services() if route.startswith("POST ")}
    assert found == dict.fromkeys(posts - MAKES_NOTHING.keys(), "once")
