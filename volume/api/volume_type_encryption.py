"""How volumes of a type are encrypted."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from drf_spectacular.utils import extend_schema
from pydantic import RootModel
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, within
from cloudweb.api.fields import Body, Name, PositiveNumber, Text
from cloudweb.api.shown import Always, Form, Of
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import NotFound
from cloudweb.times import micros
from volume.manager import VolumeTypeEncryptionManager
from volume.models import VolumeTypeEncryption

Location = Literal["front-end", "back-end"]


class EncryptionCreate(Body):
    """``encryption`` of POST /types/{id}/encryption."""

    provider: Name
    control_location: Location
    cipher: Text | None = None
    key_size: PositiveNumber | None = None


class EncryptionUpdate(Body):
    """``encryption`` of PUT; what is not named stays."""

    provider: Name = ""
    control_location: Location = "front-end"
    cipher: Text | None = None
    key_size: PositiveNumber | None = None


class EncryptionShown(Answer):
    """The encryption of a type."""

    volume_type_id: Annotated[str, Form(str)]
    encryption_id: Annotated[str, Of("id"), Form(str)]
    provider: str
    control_location: str
    cipher: str | None
    key_size: int | None


class EncryptionDetail(EncryptionShown):
    """The same with its times."""

    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[str | None, Form(micros)]
    deleted: Annotated[bool, Always(False)]
    deleted_at: Annotated[None, Always(None)]


class EncryptionFound(RootModel[EncryptionDetail | dict[str, Any]]):
    """The encryption of a type without an envelope; an empty object where there is none."""


class EncryptionAttribute(RootModel[dict[str, Any]]):
    """One attribute with its value, without an envelope."""


SHOWN = within("encryption", EncryptionShown)


class VolumeTypeEncryptionViewSet(ServiceViewSet):
    """The encryption of a type, for admins."""

    manager: ClassVar[type[VolumeTypeEncryptionManager]] = VolumeTypeEncryptionManager

    @extend_schema(operation_id="volume_type_encryption_get", responses={200: EncryptionFound})
    def list(self, request: Request, type_id: str) -> Response:
        """Return the encryption of a type, nothing if it has none."""
        return Response(self._detail(type_id))

    @extend_schema(request=within("encryption", EncryptionCreate), responses={200: SHOWN})
    def create(self, request: Request, type_id: str) -> Response:
        """Encrypt the volumes of a type (200)."""
        wanted = self.validated(EncryptionCreate, self.body("encryption"))
        return self._one(self.manager(self.context).create(type_id, **wanted.said()))

    @extend_schema(
        operation_id="volume_type_encryption_attribute", responses={200: EncryptionAttribute}
    )
    def retrieve(self, request: Request, type_id: str, key: str) -> Response:
        """Return one attribute, such as ``cipher``."""
        found = self._detail(type_id)
        if key not in found:
            raise NotFound
        return Response({key: found[key]})

    @extend_schema(request=within("encryption", EncryptionUpdate), responses={200: SHOWN})
    def update(self, request: Request, type_id: str, key: str) -> Response:
        """Change the encryption with this id."""
        wanted = self.validated(EncryptionUpdate, self.body("encryption"))
        return self._one(self.manager(self.context).update(type_id, key, **wanted.said()))

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, type_id: str, key: str) -> Response:
        """Encrypt volumes of the type no longer (202)."""
        self.manager(self.context).delete(type_id, key)
        return empty(202)

    def _detail(self, type_id: str) -> dict[str, Any]:
        found = self.manager(self.context).find(type_id)
        return {} if found is None else self.shown(EncryptionDetail, found)

    def _one(self, row: VolumeTypeEncryption) -> Response:
        return Response({"encryption": self.shown(EncryptionShown, row)})
