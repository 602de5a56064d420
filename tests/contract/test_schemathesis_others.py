"""Compute, network and volumes do what their schemas say too; only when asked for, by CLOUDWEB_FUZZ_EXAMPLES."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.manager import (
    AddressGroupManager,
    AddressScopeManager,
    QosPolicyManager,
    SubnetPoolManager,
)
from tests.builders.compute import make_flavor, make_host
from tests.builders.fuzzing import fuzzed, send, service_schema
from tests.builders.identity import make_member, make_project, make_token
from tests.builders.networks import make_group, make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_floating_ip, make_router
from tests.builders.servers import make_server
from tests.builders.volume_types import make_qos_spec, make_volume_type
from tests.builders.volumes import make_pool as make_volume_pool
from tests.builders.volumes import make_volume
from volume.manager import TransferManager

if "CLOUDWEB_FUZZ_EXAMPLES" not in os.environ:
    pytest.skip("asked for by CLOUDWEB_FUZZ_EXAMPLES", allow_module_level=True)

SOMEWHERE = "2" * 32
#: Words in the schema for ids that the database chooses.
NET, SUBNET, PORT, GROUP, SERVER = ("a-network", "a-subnet", "a-port", "a-group", "a-server")
OUTSIDE, ROUTER, FLOATING = ("an-external-network", "a-router", "a-floating-ip")
POOL, SCOPE, BLOCKS, QOS = ("a-pool", "a-scope", "an-address-group", "a-qos-policy")
NOUNS = [NET, OUTSIDE, SUBNET, PORT, GROUP, ROUTER, FLOATING, POOL, SCOPE, BLOCKS, QOS]
network = service_schema(
    "network",
    {
        "project_id": [SOMEWHERE],
        "identifier": NOUNS,
        "object_id": NOUNS,
        "network_id": [NET, OUTSIDE],
        "floating_network_id": [OUTSIDE],
        "port_id": [PORT],
        "internal_port_id": [PORT],
        "router_id": [ROUTER],
        "subnetpool_id": [POOL],
        "address_scope_id": [SCOPE],
        "remote_group_id": [GROUP],
        "remote_address_group_id": [BLOCKS],
        "qos_policy_id": [QOS],
        "target_tenant": [SOMEWHERE, "*"],
        "subnet_id": [SUBNET],
        "security_group_id": [GROUP],
    },
)
compute = service_schema(
    "compute",
    {
        "project_id": [SOMEWHERE],
        "flavor_id": ["m1.test"],
        "flavorRef": ["m1.test"],
        "server_id": [SERVER],
    },
)
VOLUME, TYPE, QOS_SPEC, TRANSFER = ("a-volume", "a-type", "a-qos-spec", "a-transfer")
volume = service_schema(
    "volume",
    {
        "project_id": [SOMEWHERE],
        "volume_id": [VOLUME],
        "type_id": [TYPE],
        "vol_type_id": [TYPE],
        "volume_type": [TYPE],
        "spec_id": [QOS_SPEC],
        "transfer_id": [TRANSFER],
        "host": ["h1@file"],
    },
)
Setting = tuple[Iterator[str], Mapping[str, str]]


@pytest.fixture
def cloud_of_one(db: Any) -> Setting:
    """Tokens of an admin and a member in turn, and what stands for which id."""
    project = make_project(id=SOMEWHERE)
    admin, member = (make_member(role, project=project) for role in ("admin", "member"))
    context = RequestContext.system(project_id=SOMEWHERE)
    make_host()
    make_flavor()
    make_volume_pool()
    net, external = make_network(context), make_external()
    made = {
        NET: net,
        SUBNET: make_subnet(net, context),
        PORT: make_port(net, context),
        GROUP: make_group(context),
        OUTSIDE: external,
        ROUTER: make_router(context, external=external),
        FLOATING: make_floating_ip(context, external),
        POOL: SubnetPoolManager(context).create(name="pool", prefixes=["10.64.0.0/10"]),
        SCOPE: AddressScopeManager(context).create(name="scope", ip_version=4),
        BLOCKS: AddressGroupManager(context).create(name="blocks", addresses=["192.0.2.0/24"]),
        QOS: QosPolicyManager(context).create(name="slow"),
        SERVER: make_server(member),
        VOLUME: make_volume(context),
        TYPE: make_volume_type(),
        QOS_SPEC: make_qos_spec(),
        TRANSFER: TransferManager(context).create(volume_id=str(make_volume(context).id)).transfer,
    }
    tokens = [make_token(user).signed() for user in (admin, member)]
    return itertools.cycle(tokens), {word: str(row.id) for word, row in made.items()}


@network.parametrize()
@fuzzed
def test_network(case: Any, cloud_of_one: Setting) -> None:
    _send(case, *cloud_of_one)


@compute.parametrize()
@fuzzed
def test_compute(case: Any, cloud_of_one: Setting) -> None:
    _send(case, *cloud_of_one)


@volume.parametrize()
@fuzzed
def test_volume(case: Any, cloud_of_one: Setting) -> None:
    _send(case, *cloud_of_one)


def _send(case: Any, tokens: Iterator[str], ids: Mapping[str, str]) -> None:
    case.path_parameters = _named(case.path_parameters, ids)
    case.body = _named(case.body, ids)
    send(case, token=next(tokens))


def _named(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _named(item, ids) for key, item in value.items()}
    if isinstance(value, list):
        return [_named(item, ids) for item in value]
    return ids.get(value, value) if isinstance(value, str) else value
