"""Ports of networks that span hosts are elsewhere: the hosts of their networks are told."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from django.db import transaction

from network import places
from network.models import Port
from network.operations.refresh_host import start_refresh


def ports_moved(*ports: Port, at_once: bool = False) -> None:
    """Tell the hosts of the ports' networks: these are elsewhere, or nowhere, or have other addresses.

    ``at_once``: a guest is about to go.
    Tables are locked after free ranges of addresses, and before sets of members: nobody waits crosswise.
    """
    moved: defaultdict[UUID, set[str]] = defaultdict(set)
    for port in ports:
        if places.spans(port.network):
            moved[port.network_id].add(port.mac_address)
    if not moved:
        return
    with transaction.atomic(savepoint=False):  # who comes second finds the first one's order
        told = [places.note_moves(network_id, moved[network_id]) for network_id in sorted(moved)]
        if hosts := set[str]().union(*told):
            start_refresh(hosts, at_once=at_once)


def tunnel_moved(host: str) -> None:
    """Tell who reaches a host by its tunnel address: it is another."""
    with transaction.atomic(savepoint=False):
        if told := places.note_host(host):
            start_refresh(told)
