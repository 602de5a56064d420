"""The identity API does what its schema says, whatever is sent: no 5xx, no status it does not name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from identity.models import (
    Endpoint,
    Group,
    IdentityProvider,
    Mapping,
    Protocol,
    Region,
    RegisteredLimit,
    Service,
)
from tests.builders.fuzzing import A_TOKEN, fuzzed, send, service_schema
from tests.builders.identity import (
    grant,
    make_domain,
    make_member,
    make_project,
    make_role,
    make_token,
    make_user,
)

SOMEBODY, SOMEWHERE, ROLE, THING = ("1" * 32, "2" * 32, "3" * 32, "4" * 32)
schema = service_schema(
    "identity",
    {
        "user_id": [SOMEBODY],
        "project_id": [SOMEWHERE],
        "parent_id": [SOMEWHERE],
        "default_project_id": [SOMEWHERE],
        "domain_id": ["default"],
        "role_id": [ROLE],
        "prior_id": [ROLE],
        "service_id": [THING],
        "endpoint_id": [THING],
        "region_id": ["RegionOne"],
        "group_id": [THING],
        "limit_id": [THING],
        "provider_id": ["a-provider"],
        "protocol": ["openid"],
        "mapping_id": ["a-mapping"],
        "X-Subject-Token": [A_TOKEN],
    },
    examples={
        "identity_tokens_issue": {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"id": SOMEBODY, "password": "a password"}},
                },
                "scope": {"project": {"id": SOMEWHERE}},
            }
        }
    },
)


@pytest.fixture
def callers(db: Any) -> Iterator[str]:
    """Tokens of an admin and now and then a member, in a cloud with one of everything the paths name."""
    make_domain()
    project = make_project(id=SOMEWHERE)
    make_role("member")
    role = make_role("watcher")
    type(role).objects.filter(pk=role.pk).update(id=ROLE)
    grant(make_user(id=SOMEBODY, password="a password", default_project=project), project)
    Group.objects.create(id=THING, name="a group", domain=make_domain())
    provider = IdentityProvider.objects.create(id="a-provider", domain=make_domain())
    mapping = Mapping.objects.create(id="a-mapping", rules=[])
    Protocol.objects.create(provider=provider, name="openid", mapping=mapping)
    region = Region.objects.get_or_create(id="RegionOne")[0]
    service = Service.objects.create(id=THING, type="metering", name="meter")
    Endpoint.objects.create(
        id=THING, service=service, region=region, interface="public", url="{base}/metering"
    )
    RegisteredLimit.objects.create(
        id=THING, service=service, region=region, resource_name="meters", default_limit=1
    )
    member, admin = (make_token(make_member(role)).signed() for role in ("member", "admin"))
    return itertools.cycle((admin, admin, member, admin))


@schema.parametrize()
@fuzzed
def test_identity(case: Any, callers: Iterator[str]) -> None:
    send(case, token=next(callers))
