"""Payloads are said to a host in the version it reported to speak, or not at all (OPERATIONS 47)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cloudweb.encryption import decrypt
from cloudweb.exceptions import ServiceUnavailable
from cloudweb.objects import IncompatibleObject, VersionedObject
from cloudweb.rpc import Method, Order
from operations.models import Debt


class HostTooOld(ServiceUnavailable):
    """No version that the host speaks can carry what it is asked; the detail names it for operators."""

    code = "host_too_old"
    default_message = "The host of this resource cannot do this for now."

    def __init__(self, *, host: str, detail: str) -> None:
        self.host = host
        super().__init__(detail=f"Host {host} has to be upgraded first: {detail}.")


def payload_for(order: Order, speaks: Mapping[str, str]) -> dict[str, Any]:
    """Return the wire form of an order's payload as its host reads it; raise HostTooOld."""
    return _said(order.payload, order.method, host=order.host, speaks=speaks)


def debt_for(debt: Debt, speaks: Mapping[str, str]) -> dict[str, Any]:
    """Return the wire form of what a host owes, as it reads it now; raise HostTooOld."""
    contract = Method.REGISTRY.get(debt.method)
    said = json.loads(decrypt(debt.sealed)) if debt.sealed else dict(debt.payload)
    if contract is None:  # a newer release's: it knew the host
        return said
    try:
        payload = contract.payload.load(said)
    except IncompatibleObject as error:
        raise HostTooOld(host=debt.host, detail=f"{debt.method}: {error.detail}") from error
    return _said(payload, debt.method, host=debt.host, speaks=speaks)


def _said(
    payload: VersionedObject, method: str, *, host: str, speaks: Mapping[str, str]
) -> dict[str, Any]:
    if not speaks:  # it has not told yet
        return payload.dump()
    version = speaks.get(method)
    if version is None:
        raise HostTooOld(host=host, detail=f"it does not know {method}")
    try:
        return payload.dump(version=version)
    except IncompatibleObject as error:
        name = type(payload).__name__
        said = f"{method} takes {name} {version} there, and {error.detail or error.message}"
        raise HostTooOld(host=host, detail=said) from error
