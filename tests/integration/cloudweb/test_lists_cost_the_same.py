"""A list costs the same number of statements however many rows it shows, in every service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from compute.models import Flavor
from identity.manager import AccessKeyManager, ApplicationCredentialManager, TrustManager
from identity.manager.application_credentials import Wanted, WantedRule
from identity.models import (
    AccessToken,
    Consumer,
    Endpoint,
    EndpointGroup,
    Limit,
    Policy,
    Region,
    RegisteredLimit,
    Service,
    User,
)
from instances.models import KeyPair
from network.manager import AddressGroupManager, AddressScopeManager
from tests.builders.databases import make_configuration, make_database_backup, make_instance
from tests.builders.identity import (
    ApiClient,
    client_of,
    grant,
    make_context,
    make_domain,
    make_member,
    make_project,
    make_role,
    make_user,
)
from tests.builders.identity import make_group as make_users_group
from tests.builders.images import make_image
from tests.builders.networks import (
    make_group,
    make_network,
    make_pool,
    make_port,
    make_subnet,
    make_trunk,
    share,
)
from tests.builders.qos import make_qos_policy
from tests.builders.servers import make_server
from tests.builders.volumes import attach, make_snapshot, make_volume, make_volume_type
from tests.builders.volumes import make_pool as make_volume_pool
from tests.example.models import Shelf
from volume.models import Pool

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
Make = Callable[[User, int], object]


def context(user: User) -> RequestContext:
    return RequestContext.system(project_id=user.default_project_id)


def a_flavor(_user: User, number: int) -> None:
    Flavor.objects.create(id=f"f{number}", name=f"f{number}", vcpus=1, ram=64, disk=1)


def a_key_pair(user: User, number: int) -> None:
    KeyPair.objects.create(
        user_id=user.pk, name=f"k{number}", public_key="ssh-ed25519 AAAA", fingerprint="00"
    )


def a_server_with_a_port(user: User, _number: int) -> None:
    server = make_server(user)
    network = make_network(context(user))
    make_subnet(network, context(user))
    make_port(network, context(user), device_id=str(server.id), device_owner="compute:nova")


def an_attached_volume(user: User, number: int) -> None:
    pool = Pool.objects.first() or make_volume_pool()
    kind = make_volume_type(f"t{number}")
    attach(make_volume(context(user), pool=pool, volume_type=kind))


def a_group(_user: User, _number: int) -> None:
    make_group(RequestContext.system(project_id=make_project().pk))


def a_port(user: User, _number: int) -> None:
    network = make_network(context(user))
    make_subnet(network, context(user))
    make_port(network, context(user))


def an_application_credential(user: User, number: int) -> None:
    ApplicationCredentialManager(make_context(user)).create(
        user.pk,
        name=f"program-{number}",
        access_rules=[WantedRule(service="image", method="GET", path=f"/v2/{number}")],
    )


def a_trust(user: User, _number: int) -> None:
    TrustManager(make_context(user)).create(
        trustor_user_id=user.pk,
        trustee_user_id=make_user().pk,
        impersonation=False,
        project_id=user.default_project_id,
        roles=[Wanted(name="reader")],
    )


def an_access_key(user: User, _number: int) -> None:
    AccessKeyManager(make_context(user)).create(user.pk, project_id=str(user.default_project_id))


def an_endpoint(_user: User, number: int) -> None:
    service = Service.objects.create(type=f"t{number}", name="s")
    region = Region.objects.create(id=f"r{number}")
    Endpoint.objects.create(service=service, region=region, interface="public", url="{base}/x")


def a_limit(_user: User, number: int) -> None:
    service = Service.objects.create(type=f"t{number}", name="s")
    registered = RegisteredLimit.objects.create(service=service, resource_name="r", default_limit=1)
    Limit.objects.create(registered_limit=registered, project=make_project(), resource_limit=2)


def an_endpoint_group(user: User, number: int) -> None:
    group = EndpointGroup.objects.create(name=f"g{number}", filters={"interface": "public"})
    group.projects.add(str(user.default_project_id))


def a_policy(_user: User, _number: int) -> None:
    Policy.objects.create(type="t", blob="b")


def an_access_token(user: User, number: int) -> None:
    consumer = Consumer.objects.create(encrypted_secret="x")
    AccessToken.objects.create(
        id=f"{number:048d}",
        consumer=consumer,
        encrypted_secret="x",
        user=user,
        project_id=str(user.default_project_id),
        expires_at=now() + timedelta(hours=1),
    )


LISTS: dict[str, Make] = {
    "/volume/v3/volumes": an_attached_volume,
    "/volume/v3/volumes/detail": an_attached_volume,
    "/volume/v3/attachments/detail": an_attached_volume,
    "/volume/v3/snapshots/detail": lambda user, _: make_snapshot(make_volume(context(user))),
    "/identity/v3/projects": lambda _user, _: make_project(),
    "/identity/v3/users": lambda _user, _: make_user(),
    "/identity/v3/roles": lambda _user, number: make_role(f"role-{number}"),
    "/identity/v3/domains": lambda _user, number: make_domain(
        id=f"{number:032d}", name=f"d{number}"
    ),
    "/identity/v3/role_assignments": lambda user, _: grant(make_user(), make_project(), "member"),
    "/identity/v3/role_assignments?include_names": (
        lambda user, _: grant(make_user(), make_project(), "member")
    ),
    "/identity/v3/auth/projects": lambda user, _: grant(user, make_project(), "member"),
    "/identity/v3/groups": lambda user, _: make_users_group(user),
    "/identity/v3/users/{user}/groups": lambda user, _: make_users_group(user),
    "/identity/v3/users/{user}/projects": lambda user, _: grant(user, make_project(), "member"),
    "/identity/v3/users/{user}/application_credentials": an_application_credential,
    "/identity/v3/users/{user}/access_rules": an_application_credential,
    "/identity/v3/users/{user}/credentials/OS-EC2": an_access_key,
    "/identity/v3/credentials": an_access_key,
    "/identity/v3/OS-TRUST/trusts": a_trust,
    "/identity/v3/services": an_endpoint,
    "/identity/v3/endpoints": an_endpoint,
    "/identity/v3/regions": an_endpoint,
    "/identity/v3/projects?is_domain=true": lambda _user, number: make_domain(
        id=f"{number:032d}", name=f"d{number}"
    ),
    "/identity/v3/OS-EP-FILTER/endpoint_groups": an_endpoint_group,
    "/identity/v3/policies": a_policy,
    "/identity/v3/OS-OAUTH1/consumers": an_access_token,
    "/identity/v3/users/{user}/OS-OAUTH1/access_tokens": an_access_token,
    "/identity/v3/registered_limits": a_limit,
    "/identity/v3/limits": a_limit,
    "/image/v2/images?limit=100": lambda user, _: make_image(context=context(user)),
    "/network/v2.0/networks": lambda user, _: make_network(context(user)),
    "/network/v2.0/subnets": lambda user, _: make_subnet(make_network(context(user)), context(user)),
    "/network/v2.0/ports": a_port,
    "/network/v2.0/security-groups": a_group,
    "/network/v2.0/qos/policies": lambda user, _: make_qos_policy(context(user), egress=9, dscp=8),
    "/network/v2.0/security-group-rules": (
        a_group
    ),
    "/network/v2.0/subnetpools": lambda user, _: make_pool(context(user)),
    "/network/v2.0/address-scopes": (
        lambda user, _: AddressScopeManager(context(user)).create(ip_version=4)
    ),
    "/network/v2.0/address-groups": (
        lambda user, _: AddressGroupManager(context(user)).create(addresses=["10.1.1.1"])
    ),
    "/network/v2.0/trunks": lambda user, _: make_trunk(context(user), subports=2),
    "/network/v2.0/network-ip-availabilities": a_port,
    "/network/v2.0/rbac-policies": (
        lambda user, _: share(make_network(context(user)), context(user))
    ),
    "/compute/v2.1/flavors": a_flavor,
    "/compute/v2.1/flavors/detail": a_flavor,
    "/compute/v2.1/os-keypairs": a_key_pair,
    "/compute/v2.1/servers": lambda user, _: make_server(user),
    "/compute/v2.1/servers/detail": a_server_with_a_port,
    "/database/v1.0/instances/detail": lambda user, _: make_instance(user),
    "/database/v1.0/configurations": lambda user, _: make_configuration(user),
    "/database/v1.0/backups": lambda user, _: make_database_backup(make_instance(user)),
    "/database/v1.0/shelves": lambda user, number: Shelf.objects.create(
        project_id=user.default_project_id, name=f"s{number}"
    ),
}  # fmt: skip


@pytest.fixture
def user() -> User:
    """An operator."""
    return make_member("admin")


def shown(client: ApiClient, path: str) -> tuple[int, int]:
    """Return how many rows a list shows and how many statements that took."""
    with CaptureQueriesContext(connection) as queries:
        answer: Any = client.send("GET", path, OpenStack_API_Version="compute 2.96, volume 3.70")
    assert answer.status_code == 200, answer.content
    (rows,) = [value for value in answer.json().values() if isinstance(value, list)]
    return len(rows), len(queries)


@pytest.mark.parametrize("path", LISTS)
def test_ten_times_the_rows_cost_no_statement_more(path: str, user: User) -> None:
    client = client_of(user)
    make = LISTS[path]
    path = path.format(user=user.pk)
    make(user, 0)
    shown(client, path)  # what is looked up once for the process
    few, statements = shown(client, path)
    for number in range(1, 10 * few):
        make(user, number)
    many, later = shown(client, path)
    assert many >= 5 * few
    assert later == statements
