"""Bodies and answers of rescue and rebuild."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PrivateAttr, StringConstraints, ValidationInfo, model_validator
from rest_framework.response import Response

from cloudweb.api.fields import LooseBool, Name
from cloudweb.api.views import ServiceViewSet
from cloudweb.microversions import version_of
from cloudweb.microversions.compute import since, until
from instances.api.serializers.action_bodies import ActionAnswer, ActionBody
from instances.api.serializers.server import ServerRenderer
from instances.api.serializers.server_bodies import (
    Description,
    DiskConfig,
    Hostname,
    InjectedFile,
    IPv4,
    IPv6,
    Items,
)
from instances.api.serializers.server_shown import ServerRebuilt
from instances.conf import SHOWS_PASSWORD
from instances.injected_files import InjectedFile as File
from instances.manager import ports_of, volumes_of
from instances.rebuild_request import RebuildRequest, new_password

Password = Annotated[str, StringConstraints(min_length=1, max_length=255)]
ImageRef = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
#: Servers that boot from volumes are rescued, too.
RESCUES_VOLUMES = since(87)
#: The volume that a server boots from is written anew when it is rebuilt.
REBUILDS_VOLUMES = since(93)
#: What a rebuild says that needs no check.
_PLAIN = {
    "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
    "disk_config": "disk_config",
    "description": "description",
    "hostname": "hostname",
}


class Rescue(ActionBody):
    """The value of action ``rescue``."""

    adminPass: Password | None = None  # noqa: N815 - the wire's name
    rescue_image_ref: ImageRef | None = None
    _in_volumes: bool = PrivateAttr(default=True)

    @model_validator(mode="after")
    def _at(self, info: ValidationInfo) -> Rescue:
        version = version_of(info)
        self._in_volumes = version is None or version in RESCUES_VOLUMES
        return self

    def arguments(self) -> dict[str, Any]:
        """Return image and password."""
        return {
            "password": self.adminPass or new_password(),
            "image_id": (self.rescue_image_ref or "").rsplit("/", 1)[-1] or None,
            "in_volumes": self._in_volumes,
        }


class RescuePassword(ActionAnswer):
    """The password of a rescued server's administrator."""

    password: str = Field("", alias="adminPass")

    @classmethod
    def of(cls, found: Any, view: ServiceViewSet) -> Response:
        """Return it, where the installation tells passwords."""
        return Response({"adminPass": found} if SHOWS_PASSWORD else {})


class Rebuild(ActionBody):
    """The value of action ``rebuild``."""

    imageRef: ImageRef  # noqa: N815 - the wire's name
    name: Name | None = None
    adminPass: Password | None = None  # noqa: N815
    metadata: Items | None = None
    preserve_ephemeral: LooseBool = False
    accessIPv4: IPv4 | None = None  # noqa: N815
    accessIPv6: IPv6 | None = None  # noqa: N815
    disk_config: DiskConfig | None = Field(None, alias="OS-DCF:diskConfig")
    personality: Annotated[tuple[InjectedFile, ...], until(56)] = ()
    description: Annotated[Description | None, since(19)] = None
    key_name: Annotated[Name | None, since(54)] = None
    user_data: Annotated[str | None, since(57)] = None
    trusted_image_certificates: Annotated[tuple[str, ...] | None, since(63)] = None
    hostname: Annotated[Hostname | None, since(90)] = None
    _in_volumes: bool = PrivateAttr(default=True)

    @model_validator(mode="after")
    def _at(self, info: ValidationInfo) -> Rebuild:
        version = version_of(info)
        self._in_volumes = version is None or version in REBUILDS_VOLUMES
        return self

    def arguments(self) -> dict[str, Any]:
        """Return what is wanted."""
        said = self.model_fields_set
        plain = {
            column: getattr(self, field)
            for field, column in _PLAIN.items()
            if field in said and (getattr(self, field) is not None or field == "description")
        }
        wanted = RebuildRequest(
            image_id=self.imageRef.rsplit("/", 1)[-1],
            admin_password=self.adminPass or new_password(),
            preserve_ephemeral=self.preserve_ephemeral,
            name=self.name,
            metadata=self.metadata,
            key_name=self.key_name,
            user_data=self.user_data,
            injected_files=tuple(
                File.of_base64(file.path, file.contents) for file in self.personality
            ),
            unset=frozenset(
                name
                for name in ("key_name", "user_data")
                if name in said and not getattr(self, name)
            ),
            plain=plain,
            in_volumes=self._in_volumes,
        )
        return {"wanted": wanted}


class ServerRebuiltAnswer(ActionAnswer):
    """The server as it is being rebuilt."""

    server: ServerRebuilt

    @classmethod
    def of(cls, found: Any, view: ServiceViewSet) -> Response:
        """Return it with its password, where the installation tells passwords, and where it is."""
        instance, password = found
        key = str(instance.id)
        render = ServerRenderer(view.request._request, view.context, view.version)
        ports = ports_of(view.context, [instance])[key]
        shown = render.rebuilt(instance, ports, volumes_of([instance])[key])
        told = {"adminPass": password} if SHOWS_PASSWORD else {}
        response = Response({"server": shown | told})
        response.headers["Location"] = f"{render.servers}/{key}"
        return response
