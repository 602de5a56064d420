"""Body and answer of an evacuation."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator
from rest_framework.response import Response

from cloudweb.api.fields import LooseBool, Name
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions import version_of
from cloudweb.microversions.compute import since, until
from instances.api.serializers.action_bodies import ActionAnswer, ActionBody
from instances.api.serializers.recovery import Password
from instances.conf import SHOWS_PASSWORD

SAYS_PASSWORD = until(13)
STAYS_OFF = since(95)


class Evacuate(ActionBody):
    """The value of action ``evacuate``. A host that is named must have room, forced or not."""

    host: Name | None = None
    onSharedStorage: Annotated[LooseBool, until(13)] = False  # noqa: N815 - the wire's name
    adminPass: Password | None = None  # noqa: N815
    force: Annotated[LooseBool, since(29), until(67)] = False
    _stays_off: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Evacuate:
        version = version_of(info)
        self._stays_off = version is not None and version in STAYS_OFF
        if self.force and not self.host:
            raise ValueError("Can't force to a non-provided destination")
        if self.onSharedStorage and self.adminPass:
            raise ValueError("admin password can't be changed on existing disk")
        return self

    def arguments(self) -> dict[str, Any]:
        """Return where to, the password, and whether it is started there."""
        return {
            "host": self.host,
            "on_shared_storage": self.onSharedStorage,
            "password": self.adminPass,
            "stays_off": self._stays_off,
        }


class EvacuationPassword(ActionAnswer):
    """The new password of an evacuated server's administrator, up to 2.13."""

    password: str = Field("", alias="adminPass")

    @classmethod
    def of(cls, found: Any, view: ServiceViewSet) -> Response:
        """Return it, where the installation tells passwords."""
        if view.version not in SAYS_PASSWORD:
            return empty(200)
        return Response({"adminPass": found} if SHOWS_PASSWORD else {})
