"""Versioned objects as they cross, without the classes: ``databases/objects/`` has those."""

from __future__ import annotations

from typing import Any

from databases.guest.failures import Unsupported

#: Objects that this program knows in another version than their first.
VERSIONS: dict[str, str] = {
    "Configuration": "1.1",
    "DemoteRequest": "1.1",
    "GuestReport": "1.2",
    "KeepLog": "1.1",
    "PrepareDatastore": "1.2",
    "PromoteRequest": "1.1",
    "ReplicationAccess": "1.1",
    "ReplicationPoint": "1.1",
}


def dumped(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the wire form of an object."""
    return {"object": name, "version": VERSIONS.get(name, "1.0"), "data": data}


def loaded(name: str, wire: Any) -> dict[str, Any]:
    """Return an object's data; raise Unsupported for another, or another major version.

    A newer minor's fields that we do not know are passed over.
    """
    if not isinstance(wire, dict) or wire.get("object") != name:
        raise Unsupported("The agent was sent what it does not know.", detail=f"no {name}")
    version = VERSIONS.get(name, "1.0")
    if str(wire.get("version")).partition(".")[0] != version.partition(".")[0]:
        raise Unsupported(
            "The agent is of another release than its control plane.",
            detail=f"{name} {wire.get('version')}, known is {version}",
        )
    data = wire.get("data")
    if not isinstance(data, dict):
        raise Unsupported("The agent was sent what it does not know.", detail=f"a broken {name}")
    return data
