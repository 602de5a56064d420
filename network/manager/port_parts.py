"""The rows of a port: addresses, memberships, and what may go wrong when they are written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from cloudweb.addresses import canonical_prefix
from cloudweb.database.known import know
from cloudweb.database.prepared import Given, PreparedDelete, insert
from cloudweb.exceptions import InvalidInput
from network.backend import is_ovn
from network.dhcp_options import option_texts
from network.exceptions.ports import MacAddressInUse
from network.mac import normal_mac, random_mac
from network.manager.addressing import Addressing, Chosen, Wish
from network.models import Network, Port, PortAddress, PortSecurityGroup
from network.moved import ports_moved
from network.ovn.dhcp_options import told as ovn_option

#: How often a port is made anew when another was faster to take its address or MAC address.
ATTEMPTS = 64
MOST_OPTIONS = 32


def pairs_of(pairs: Sequence[Mapping[str, str]], mac: str) -> list[dict[str, str]]:
    """Return the pairs with the port's own MAC address where none is said."""
    try:
        found = [
            {
                "mac_address": normal_mac(pair.get("mac_address") or mac),
                "ip_address": canonical_prefix(pair["ip_address"]),
            }
            for pair in pairs
        ]
    except ValueError as error:
        raise InvalidInput(
            field="allowed_address_pairs", value=[*map(dict, pairs)], reason=f"{error}."
        ) from error
    if len({tuple(pair.values()) for pair in found}) != len(found):
        raise InvalidInput(
            field="allowed_address_pairs", value=found, reason="It holds a pair twice."
        )
    return found


def merged_options(
    there: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return a port's options with those that were said in place of the same ones; no value takes one away.

    Raises InvalidInput for what no guest can be told.
    """
    said: dict[tuple[str, int], dict[str, Any]] = {}
    for option in wanted:
        key = option["opt_name"], option.get("ip_version", 4)
        if key in said:
            raise _bad_option(option, "It is there twice")
        said[key] = {
            "opt_name": key[0],
            "opt_value": option.get("opt_value"),
            "ip_version": key[1],
        }
        try:
            if said[key]["opt_value"] is not None:
                _check(key[0], said[key]["opt_value"], version=key[1])
        except ValueError as error:
            raise _bad_option(option, str(error)) from error
    kept = [
        dict(option)
        for option in there
        if (option["opt_name"], option.get("ip_version", 4)) not in said
    ]
    found = kept + [option for option in said.values() if option["opt_value"] is not None]
    if len(found) > MOST_OPTIONS:
        raise _bad_option(found[-1], f"A port has {MOST_OPTIONS} options at most")
    return found


def _check(name: str, value: str, *, version: int) -> None:
    """Raise ValueError for what no guest can be told by what makes this cloud's networks."""
    option_texts(name, value, version=version)
    if is_ovn():
        ovn_option(name, value, version=version)


def _bad_option(option: Mapping[str, Any], reason: str) -> InvalidInput:
    return InvalidInput(field="extra_dhcp_opts", value=dict(option), reason=f"{reason}.")


def free_mac(network_id: UUID) -> str:
    """Return a MAC address that no port of the network has."""
    while Port.objects.filter(network=network_id, mac_address=(mac := random_mac())).exists():
        continue
    return mac


def insert_port(
    port: Port,
    *,
    mac: str | None = None,
    wishes: Sequence[Wish] | None = None,
    groups: Collection[UUID] = (),
    pairs: Sequence[Mapping[str, str]] = (),
    as_gateway: bool = False,
    owner: str | None = None,
) -> list[str]:
    """Write a port, return its addresses; whoever was faster with one of them makes us retry.

    ``as_gateway``: it may have the gateway address of a subnet. ``owner``: the device's that it is for,
    where the port does not say it yet. Raises as ``Addressing.choose``
    does, and MacAddressInUse.
    """
    port.mac_address = mac or random_mac()
    addressing = Addressing(
        port.network,
        port.mac_address,
        owner=port.device_owner if owner is None else owner,
        as_gateway=as_gateway,
    )
    chosen = addressing.choose(wishes)
    for _ in range(ATTEMPTS):
        port.allowed_address_pairs = pairs_of(pairs, port.mac_address)
        try:
            with transaction.atomic():
                insert(port)
                held = add_addresses(port, chosen)
                know(port, addresses=held, memberships=add_groups(port, groups))
            return [one.ip_address for one in chosen]
        except IntegrityError:
            same = Port.objects.filter(network=port.network, mac_address=port.mac_address)
            if same.exists():
                if mac:
                    raise MacAddressInUse(mac, network_id=port.network_id) from None
                port.mac_address = random_mac()
                chosen = addressing.with_mac(port.mac_address, chosen)
            chosen = addressing.again(chosen)
    raise MacAddressInUse(port.mac_address, network_id=port.network_id)


def make_service_port(
    network: Network,
    *,
    owner: str,
    device_id: str,
    wishes: Sequence[Wish] | None,
    project_id: str = "",
    as_gateway: bool = False,
) -> Port:
    """Make a port of the cloud's own; one without a project is seen by operators alone."""
    port = Port(
        project_id=project_id,
        network=network,
        device_id=device_id,
        device_owner=owner,
        port_security_enabled=False,
    )
    insert_port(port, wishes=wishes, as_gateway=as_gateway)
    return port


_DROP_ADDRESSES = PreparedDelete(lambda: PortAddress.objects.filter(port=Given("port")))
_DROP_GROUPS = PreparedDelete(lambda: PortSecurityGroup.objects.filter(port=Given("port")))
_DROP = PreparedDelete(lambda: Port.objects.filter(id=Given("port")))


def remove_port(port: Port) -> None:
    """Remove the rows of a port; its addresses are free again. Who is told of it is the caller's to know.

    What refers to it besides is gone by now: the commit notices what is not.
    """
    held = [*port.addresses.all()]
    _DROP_ADDRESSES(port=port.id)
    _DROP_GROUPS(port=port.id)
    _DROP(port=port.id)
    Addressing(port.network, port.mac_address).give_back(held)


def add_addresses(port: Port, chosen: Sequence[Chosen]) -> list[PortAddress]:
    """Write the addresses, and return them; raise IntegrityError when another port was faster."""
    rows = [PortAddress(port=port, subnet=one.subnet, ip_address=one.ip_address) for one in chosen]
    if rows:
        insert(*rows)
    if port.host:
        ports_moved(port)
    return rows


def add_groups(port: Port, groups: Collection[UUID]) -> list[PortSecurityGroup]:
    """Make the port a member; return its memberships."""
    rows = [PortSecurityGroup(port=port, security_group_id=group) for group in sorted(groups)]
    if rows:
        insert(*rows)
    return rows


def group_ids_of(port: Port) -> list[UUID]:
    """Return the groups that a port is in, in the order of its entering."""
    return [membership.security_group_id for membership in port.memberships.all()]


def replace_addresses(port: Port, wishes: Sequence[Wish]) -> None:
    """Keep the addresses that are still wished for or self-made, give the others back, take the new ones."""
    addressing = Addressing(port.network, port.mac_address, owner=port.device_owner)
    held = [*port.addresses.all()]
    left = [*wishes]
    keep = []
    for exact in (True, False):
        for wish in [*left]:
            for row in held:
                same = (
                    row.ip_address == wish.get("ip_address")
                    if exact
                    else not wish.get("ip_address") and str(row.subnet_id) == wish.get("subnet_id")
                )
                if same and row not in keep:
                    keep.append(row)
                    left.remove(wish)
                    break
    gone = [row for row in held if row not in keep and not addressing.is_self_made(row)]
    keep = [row for row in held if row not in gone]
    PortAddress.objects.filter(id__in=[row.id for row in gone]).delete()
    addressing.give_back(gone)
    chosen = addressing.choose(left, kept=keep)
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                add_addresses(port, chosen)
            return
        except IntegrityError:
            chosen = addressing.again(chosen)
