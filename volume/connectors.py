"""How a volume is reached, in the words of those who connect to it from outside (os-brick's)."""

from __future__ import annotations

from typing import Any

from volume.objects import VolumeConnection

#: Protocols of pools whose volumes a connector opens. NBD is none of them: there is no such connector.
OPENED = frozenset({"ceph"})


def connection_info(found: VolumeConnection) -> dict[str, Any]:
    """Return what a connector needs to open the volume; raise ValueError for what none opens."""
    if found.kind != "rbd":
        raise ValueError(found.kind)
    addresses = [one.rpartition(":") for one in found.monitors]
    return {
        "driver_volume_type": "rbd",
        "data": {
            "name": f"{found.rbd_pool}/{found.image}",
            "hosts": [host.strip("[]") for host, _, _ in addresses],
            "ports": [port for _, _, port in addresses],
            "cluster_name": "ceph",
            "auth_enabled": True,
            "auth_username": found.user,
            "keyring": f"[client.{found.user}]\n\tkey = {found.secret}\n",
            "secret_type": "ceph",
            "secret_uuid": None,
            "volume_id": found.volume_id,
            "discard": True,
            "qos_specs": None,
            "access_mode": "ro" if found.read_only else "rw",
            "encrypted": found.encrypted,
        },
    }
