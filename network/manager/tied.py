"""What a row refers to may go while the row is written: the commit notices, or reading it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError
from django.db.transaction import get_connection

from cloudweb.exceptions import Conflict, NotFound
from network.exceptions.networks import NetworkNotFound
from network.exceptions.ports import PortNotFound
from network.exceptions.qos import QosPolicyNotFound
from network.exceptions.security_groups import SecurityGroupNotFound
from network.exceptions.subnets import SubnetNotFound
from network.manager.standard import Identifier, number
from network.models import Network, Port, QosPolicy, SecurityGroup, Subnet

#: What is referred to, and the error when it is gone; nothing without an id.
Needed = tuple[type[Any], Identifier | None, Callable[[Identifier], Exception]]


@contextmanager
def tied_to(*needed: Needed) -> Iterator[None]:
    """Say which of these went away while something was being tied to it, whatever was noticed of it first."""
    try:
        yield
    except (IntegrityError, ObjectDoesNotExist, NotFound, Conflict):
        if get_connection().needs_rollback:  # it fails as a whole: nothing is read
            raise
        for model, identifier, missing in needed:
            if identifier is not None and not model.objects.filter(id=number(identifier)).exists():
                raise missing(identifier) from None
        raise


def the_network(network_id: Identifier | None) -> Needed:
    return Network, network_id, NetworkNotFound


def the_subnet(subnet_id: Identifier | None) -> Needed:
    return Subnet, subnet_id, SubnetNotFound


def the_port(port_id: Identifier | None) -> Needed:
    return Port, port_id, PortNotFound


def the_group(group_id: Identifier | None) -> Needed:
    return SecurityGroup, group_id, SecurityGroupNotFound


def the_qos_policy(policy_id: Identifier | None) -> Needed:
    return QosPolicy, policy_id, QosPolicyNotFound
