"""What compute answers at a version is what its schema declares, also where that differs by version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError, validators

from compute.models import Aggregate
from tests.builders.identity import ApiClient, client_of, make_member
from tests.builders.instances import Lab, lab
from tests.builders.openapi import drawn

V21 = "/compute/v2.1"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJf3vjeAlfyPRUzIGbQ5pQPzvQy2XLaXBFCU0ggMfLrR me"
#: The first, the last, and one between all that changed much.
VERSIONS = (1, 27, 52, 57, 74, 87, 96)
#: As ``Versions`` says it at the end of an attribute's description.
SAID = re.compile(r"(From 2\.(?P<first>\d+) (on|to 2\.(?P<last>\d+))|Up to 2\.(?P<until>\d+))\.$")
#: Path of the schema -> what comes for its parameters; ``server`` and ``request`` are found out.
READ = {
    "/flavors": {},
    "/flavors/detail": {},
    "/flavors/{flavor_id}": {"flavor_id": "1"},
    "/flavors/{flavor_id}/os-extra_specs": {"flavor_id": "1"},
    "/os-services": {},
    "/os-availability-zone": {},
    "/os-availability-zone/detail": {},
    "/os-aggregates": {},
    "/os-aggregates/{aggregate_id}": {"aggregate_id": "aggregate"},
    "/extensions": {},
    "/extensions/{alias}": {"alias": "os-keypairs"},
    "/os-hosts": {},
    "/os-hosts/{host}": {"host": "h1"},
    "/os-hypervisors": {},
    "/os-hypervisors/detail": {},
    "/os-hypervisors/statistics": {},
    "/os-hypervisors/{hypervisor_id}": {"hypervisor_id": "host"},
    "/os-hypervisors/{hypervisor_id}/uptime": {"hypervisor_id": "host"},
    "/os-hypervisors/{pattern}/search": {"pattern": "h"},
    "/os-hypervisors/{pattern}/servers": {"pattern": "h"},
    "/servers": {},
    "/servers/detail": {},
    "/servers/{server_id}": {"server_id": "server"},
    "/servers/{server_id}/ips": {"server_id": "server"},
    "/servers/{server_id}/os-interface": {"server_id": "server"},
    "/servers/{server_id}/os-security-groups": {"server_id": "server"},
    "/servers/{server_id}/os-instance-actions": {"server_id": "server"},
    "/servers/{server_id}/os-instance-actions/{request_id}": {
        "server_id": "server",
        "request_id": "request",
    },
    "/os-server-groups": {},
    "/os-server-groups/{group_id}": {"group_id": "group"},
    "/os-keypairs": {},
    "/os-keypairs/{name}": {"name": "k"},
    "/limits": {},
    "/os-quota-sets/{project_id}": {"project_id": "project"},
    "/os-quota-sets/{project_id}/defaults": {"project_id": "project"},
    "/os-quota-sets/{project_id}/detail": {"project_id": "project"},
}


@cache
def strict(minor: int) -> Any:
    """Return what also holds an answer to the versions that the schema says of its attributes."""

    def describes(_: Any, said: str, __: Any, ___: Any) -> Iterator[ValidationError]:
        if (ends := SAID.search(said)) is not None:
            first, last = ends["first"] or "0", ends["last"] or ends["until"] or "999"
            if not int(first) <= minor <= int(last):
                yield ValidationError(f"it is there at 2.{minor}, but: {said}")

    return validators.extend(Draft202012Validator, {"description": describes})


@cache
def declared(method: str, path: str, minor: int) -> Any:
    schema = drawn()[0]
    answer = schema["paths"][f"{V21}{path}"][method]["responses"]["200"]
    where = answer["content"]["application/json"]["schema"]
    return strict(minor)({**where, "components": schema["components"]})


def wrong(method: str, path: str, answer: Any, minor: int) -> Iterator[str]:
    """Say what of an answer is not as declared."""
    if answer.status_code == 200:
        for error in declared(method, path, minor).iter_errors(answer.json()):
            yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.mark.django_db(transaction=True)
def test_answers_are_what_is_declared(home: Lab) -> None:
    server_id = home.create()
    home.act(server_id, "os-stop")
    home.cloud.settle()
    known = {"server": server_id, "project": home.project.pk}
    log = home.client.send("GET", f"{V21}/servers/{server_id}/os-instance-actions").json()
    known["request"] = log["instanceActions"][0]["request_id"]
    made = home.client.send(
        "POST", f"{V21}/os-keypairs", {"keypair": {"name": "k", "public_key": KEY}}
    )
    assert made.status_code == 200
    known["aggregate"] = str(Aggregate.objects.create(name="a", zone="z").pk)
    body = {"server_group": {"name": "g", "policies": ["affinity"]}}
    known["group"] = home.client.send("POST", f"{V21}/os-server-groups", body).json()[
        "server_group"
    ]["id"]
    found: dict[str, list[str]] = {}
    statuses: dict[str, set[int]] = {}
    for role in ("member", "admin"):
        client = (
            home.client if role == "member" else client_of(make_member(role, project=home.project))
        )
        for minor in VERSIONS:
            at = {"OpenStack_API_Version": f"compute 2.{minor}"}
            known["host"] = hypervisor(client, at) if role == "admin" else "x"
            for path, given in READ.items():
                filled = path.format(**{key: known.get(word, word) for key, word in given.items()})
                answer = client.send("GET", V21 + filled, **at)
                statuses.setdefault(path, set()).add(answer.status_code)
                if faults := [*wrong("get", path, answer, minor)]:
                    found[f"{role} 2.{minor} GET {path}"] = faults
            changes = {
                "/servers/{server_id}": {"server": {"name": "new"}},
                "/os-quota-sets/{project_id}": {"quota_set": {"cores": 7}},
            }
            for path, body in changes.items():
                filled = path.format(server_id=server_id, project_id=home.project.pk)
                answer = client.send("PUT", V21 + filled, body, **at)
                statuses.setdefault(f"PUT {path}", set()).add(answer.status_code)
                if faults := [*wrong("put", path, answer, minor)]:
                    found[f"{role} 2.{minor} PUT {path}"] = faults
    assert found == {}
    assert {path for path, seen in statuses.items() if 200 not in seen} == set()


def hypervisor(client: ApiClient, at: dict[str, str]) -> str:
    (one,) = client.send("GET", f"{V21}/os-hypervisors", **at).json()["hypervisors"]
    return str(one["id"])
