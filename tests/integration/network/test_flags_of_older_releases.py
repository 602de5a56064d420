"""Networks and QoS policies that were shared by a flag alone, before there were policies for it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from network.manager import NetworkManager, QosPolicyManager, RbacPolicyManager
from network.models import Network, QosPolicy, RbacPolicy
from tests.builders.networks import make_context, make_network
from tests.builders.qos import make_qos_policy

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def upgrade(name: str) -> None:
    """Do what the migration does with rows; it asks for models by their names."""
    import_module(f"network.migrations.{name}").say_what_is_shared(apps, None)


def said() -> set[tuple[Any, ...]]:
    columns = "object_type", "object_id", "action", "target_project", "project_id"
    return {*RbacPolicy.objects.values_list(*columns)}


def test_flags_of_networks_become_policies() -> None:
    owner, other = make_context(), make_context()
    made = {name: make_network(owner, name=name) for name in ("shared", "external", "both", "own")}
    shared = [made["shared"].id, made["both"].id]
    external = [made["external"].id, made["both"].id]
    Network.objects.filter(id__in=shared).update(shared=True)
    Network.objects.filter(id__in=external).update(external=True)
    assert NetworkManager(other).list().rows == []  # who sees a network is asked of policies
    upgrade("0011_rbac_policies")
    assert said() == {
        *(("network", one, "access_as_shared", "*", owner.project_id) for one in shared),
        *(("network", one, "access_as_external", "*", owner.project_id) for one in external),
    }
    seen = {network.name for network in NetworkManager(other).list().rows}
    assert seen == {"shared", "external", "both"}
    operator = make_context("admin")  # and they can be taken back like any other
    for row in RbacPolicyManager(operator).list().rows:
        RbacPolicyManager(operator).delete(row.id)
    assert NetworkManager(other).list().rows == []
    assert not Network.objects.filter(shared=True).exists()


def test_flags_of_qos_policies_become_policies() -> None:
    owner, other = make_context("manager"), make_context()
    shared, own = (make_qos_policy(owner, egress=1000) for _ in range(2))
    QosPolicy.objects.filter(id=shared.id).update(shared=True)
    assert QosPolicyManager(other).list().rows == []
    upgrade("0022_shared_qos_policies")
    assert said() == {("qos_policy", shared.id, "access_as_shared", "*", owner.project_id)}
    assert [row.id for row in QosPolicyManager(other).list().rows] == [shared.id]
    assert own.id != shared.id
