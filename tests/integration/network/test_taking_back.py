"""What is taken back from a project in the very moment that it begins to use it: one of both is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from cloudweb.context import RequestContext
from network.exceptions.sharing import RbacPolicyInUse
from network.manager import (
    AddressGroupManager,
    AddressScopeManager,
    FloatingIpManager,
    NetworkManager,
    PortManager,
    RbacPolicyManager,
    RouterManager,
    SecurityGroupManager,
    SecurityGroupRuleManager,
    SubnetManager,
)
from network.manager.router_gateway import Gateway
from network.models import RbacPolicy
from tests.builders.networks import (
    make_context,
    make_group,
    make_network,
    make_pool,
    make_subnet,
    share,
)
from tests.builders.qos import make_qos_policy
from tests.builders.routers import make_external
from tests.infrastructure import PATIENCE

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
#: Seconds that are given to who takes back; where the other holds what he needs he waits for longer.
MEANWHILE = 0.5
Use = Callable[[RequestContext, Any], object]


def on_network(user: RequestContext, network: Any) -> object:
    return PortManager(user).create(network_id=network.id, security_group_ids=[])


def own_port(user: RequestContext, **said: Any) -> object:
    network = make_network(user)
    return PortManager(user).create(network_id=network.id, **said)


def own_rule(user: RequestContext, **said: Any) -> object:
    group = make_group(user)
    return SecurityGroupRuleManager(user).create(
        security_group_id=group.id, direction="ingress", **said
    )


def of_pool(user: RequestContext, pool: Any) -> object:
    network = make_network(user)
    return SubnetManager(user).create(network_id=network.id, subnet_pool_id=pool.id)


#: What is shared, and what somebody does with it.
CASES: dict[str, tuple[Callable[[RequestContext], Any], Use]] = {
    "a port on a network": (lambda owner: make_subnet(make_network(owner), owner).network, on_network),
    "a port in a group": (
        lambda owner: make_group(owner),
        lambda user, group: own_port(user, security_group_ids=[group.id]),
    ),
    "a port held to a QoS policy": (
        lambda owner: make_qos_policy(owner, egress=1000),
        lambda user, policy: own_port(user, qos_policy_id=policy.id),
    ),
    "a network held to a QoS policy": (
        lambda owner: make_qos_policy(owner, egress=1000),
        lambda user, policy: NetworkManager(user).create(qos_policy_id=policy.id),
    ),
    "a rule about a group": (
        lambda owner: make_group(owner),
        lambda user, group: own_rule(user, remote_group_id=group.id),
    ),
    "a rule about addresses": (
        lambda owner: AddressGroupManager(owner).create(addresses=["10.1.1.1"]),
        lambda user, group: own_rule(user, remote_address_group_id=group.id),
    ),
    "a subnet of a pool": (make_pool, of_pool),
    "a pool in a scope": (
        lambda owner: AddressScopeManager(owner).create(ip_version=4),
        lambda user, scope: make_pool(user, address_scope_id=scope.id),
    ),
}  # fmt: skip


def race(policy: RbacPolicy, use: Callable[[], object]) -> tuple[object, object]:
    """Use something, and let its owner take it back before that is written for good; return what became of both."""
    found: list[object] = []

    def take_back() -> None:
        operator = RequestContext.system(project_id=policy.project_id)
        try:
            found.append(RbacPolicyManager(operator).delete(policy.id))
        except Exception as error:  # noqa: BLE001 - the test looks at it
            found.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=take_back)
    with transaction.atomic():
        used = use()
        thread.start()
        thread.join(MEANWHILE)
    thread.join(PATIENCE)
    return used, found[0]


def test_what_somebody_begins_to_use_is_not_taken_back() -> None:
    outcomes = {}
    for case, (make, use) in CASES.items():
        owner, user = make_context("manager"), make_context()
        SecurityGroupManager(user).ensure_default(user.scoped_project_id)
        thing = make(owner)
        policy = share(thing, owner, target_project=user.project_id)
        used, taken = race(policy, lambda use=use, user=user, thing=thing: use(user, thing))  # type: ignore[misc]
        assert used is not None
        outcomes[case] = type(taken)
    assert outcomes == dict.fromkeys(CASES, RbacPolicyInUse)


def test_an_external_network_that_somebody_begins_to_use_stays_so() -> None:
    uses: dict[str, Use] = {
        "a floating IP": lambda user, network: FloatingIpManager(user).create(
            floating_network_id=network.id
        ),
        "a gateway": lambda user, network: RouterManager(user).create(gateway=Gateway(network.id)),
    }
    outcomes = {}
    for number, (case, use) in enumerate(uses.items()):
        user = make_context()
        wire = {"kind": "vlan", "segmentation_id": number + 1}
        network = make_external(cidr=f"172.24.{number}.0/24", **wire)
        policy = RbacPolicy.objects.get(object_id=network.id)
        _, taken = race(policy, lambda use=use, user=user, network=network: use(user, network))  # type: ignore[misc]
        outcomes[case] = type(taken)
    assert outcomes == dict.fromkeys(uses, RbacPolicyInUse)


def test_a_network_that_is_shared_with_all_is_not_shut_on_who_comes_in() -> None:
    operator, user = make_context("admin"), make_context()
    network = make_subnet(make_network(operator, shared=True), operator).network
    policy = RbacPolicy.objects.get(object_id=network.id)
    used, taken = race(policy, lambda: on_network(user, network))
    assert used is not None
    assert isinstance(taken, RbacPolicyInUse)
