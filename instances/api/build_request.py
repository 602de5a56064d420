"""From the body of POST /servers to what the manager is asked for."""

from __future__ import annotations

from instances.api.block_devices import block_devices
from instances.api.serializers.server_bodies import SchedulerHints, ServerCreate
from instances.build_request import BuildRequest, NetworkRequest
from instances.injected_files import InjectedFile


def build_request(body: ServerCreate, hints: SchedulerHints, password: str) -> BuildRequest:
    """Read the body; raise BadRequest or InvalidInput for what is wrong in itself."""
    zone, host = _placement(body)
    return BuildRequest(
        name=body.name,
        flavor_id=body.flavorRef.rsplit("/", 1)[-1],
        block_devices=block_devices(body),
        networks=_networks(body),
        make_network=body.networks == "auto",
        security_groups=tuple(group.name for group in body.security_groups),
        key_name=body.key_name,
        user_data=body.user_data,
        config_drive=bool(body.config_drive),
        injected_files=tuple(
            InjectedFile.of_base64(file.path, file.contents) for file in body.personality
        ),
        admin_password=password,
        metadata=body.metadata or {},
        tags=body.tags,
        description=body.description,
        hostname=body.hostname,
        zone=zone,
        host=host,
        disk_config=body.disk_config,
        access_ip_v4=body.accessIPv4,
        access_ip_v6=body.accessIPv6,
        scheduler_hints=hints.model_dump(mode="json", exclude_unset=True),
        min_count=body.min_count or 1,
        max_count=body.max_count or body.min_count or 1,
    )


def _placement(body: ServerCreate) -> tuple[str | None, str | None]:
    """Return zone and host: ``az:host`` and ``az:host:node`` name a host (admins)."""
    zone, _, host = (body.availability_zone or "").partition(":")
    named = body.host or body.hypervisor_hostname or host.partition(":")[0]
    return zone or None, named or None


def _networks(body: ServerCreate) -> tuple[NetworkRequest, ...] | None:
    if body.networks == "none":
        return ()
    if body.networks in (None, "auto", ()):
        return None
    return tuple(
        NetworkRequest(
            network_id=str(wish.uuid) if wish.uuid else None,
            port_id=str(wish.port) if wish.port else None,
            fixed_ip=wish.fixed_ip,
            tag=wish.tag,
        )
        for wish in body.networks or ()
        if not isinstance(wish, str)
    )
