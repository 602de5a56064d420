"""/credentials and /users/{id}/credentials/OS-EC2."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import Body
from cloudweb.api.shown import Render
from cloudweb.api.views import empty
from cloudweb.listing import Page
from identity.api.resource import NounViewSet, PlainBodySchema
from identity.api.serializers.credentials import (
    ACCESS_KEY,
    CREDENTIAL,
    AccessKeyCreate,
    CredentialCreate,
    CredentialDelete,
)
from identity.manager import AccessKeyManager, CredentialManager
from identity.manager.secrets import Opened


class CredentialViewSet(NounViewSet):
    """Secrets that users keep here."""

    manager = CredentialManager
    resource = CREDENTIAL

    def list(self, request: Request) -> Response:
        """Return one's own, or all for who reads all; hints user_id, type."""
        user_id = request._request.GET.get("user_id")
        return self.page_of(partial(CredentialManager(self.context).list, user_id=user_id))

    def destroy(self, request: Request, secret_id: str) -> Response:
        """Remove one; a second factor of one's own takes a body with the proof, as creating does."""
        body = self.wanted(CredentialDelete) if request.data else CredentialDelete()
        CredentialManager(self.context).delete(secret_id, **body.said())
        return empty(204)

    def said(self, model: type[Body]) -> dict[str, Any]:
        """Return what the body says; a new one is one's own unless it says whose."""
        said = super().said(model)
        if model is CredentialCreate:
            said["user_id"] = said.get("user_id") or str(self.context.user_id)
        return said

    def renderer(self) -> Render:
        """Show no secret in lists."""
        render = super().renderer()
        return lambda row: render(row if isinstance(row, Opened) else Opened(row))


class AccessKeyViewSet(NounViewSet):
    """EC2 keys of a user."""

    manager = AccessKeyManager
    resource = ACCESS_KEY
    schema = PlainBodySchema()
    called = "ec2_credentials"
    controls = ()

    def list(self, request: Request, user_id: str) -> Response:
        """Return the keys of a user, without their secrets."""
        return self.answers(Page(AccessKeyManager(self.context).list(user_id), more=False))

    def create(self, request: Request, user_id: str) -> Response:
        """Draw a key; the body has no envelope."""
        wanted = self.validated(AccessKeyCreate).said()
        return self.answer(AccessKeyManager(self.context).create(user_id, **wanted), status=201)
