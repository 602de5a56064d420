"""/credentials and /users/{id}/credentials/OS-EC2."""

from __future__ import annotations

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, hinted, listed, whole
from identity.api.serializers.credentials import (
    AccessKeyCreate,
    CredentialCreate,
    CredentialDelete,
    CredentialUpdate,
    access_key_body,
    credential_body,
    extra_of,
)
from identity.api.views import IdentityViewSet, given
from identity.manager import AccessKeyManager, CredentialManager
from identity.manager.secrets import Opened
from identity.models import Credential

HINTS = Hints(exact=("type",), others=("user_id",))


class CredentialViewSet(IdentityViewSet):
    """Secrets that users keep here."""

    manager = CredentialManager

    @extend_schema(
        operation_id="identity_credentials_list", parameters=HINTS.parameters, responses={200: dict}
    )
    def list(self, request: Request) -> Response:
        """Return one's own, or all for who reads all; hints user_id, type."""
        http = request._request
        rows = self.manager(self.context).list(user_id=http.GET.get("user_id"))
        return listed(http, "credentials", hinted(http, rows, HINTS), _listed_body)

    @extend_schema(
        operation_id="identity_credentials_create", request=CredentialCreate, responses={201: dict}
    )
    def create(self, request: Request) -> Response:
        """Keep a secret; a second factor of one's own takes ``original_password`` and ``passcode``."""
        body = self.wanted("credential", CredentialCreate)
        one = self.manager(self.context).create(
            user_id=body.user_id or str(self.context.user_id),
            type=body.type,
            blob=body.blob,
            project_id=body.project_id,
            extra=extra_of(body),
            proof=body.proof(),
        )
        return self._answer(one, status=201)

    @extend_schema(operation_id="identity_credentials_get", responses={200: dict})
    def retrieve(self, request: Request, secret_id: str) -> Response:
        """Return one; with its secret for its owner and operators, but never a second factor's."""
        return self._answer(self.manager(self.context).get(secret_id))

    @extend_schema(
        operation_id="identity_credentials_update", request=CredentialUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, secret_id: str) -> Response:
        """Change what the body names."""
        body = self.wanted("credential", CredentialUpdate)
        changes = given(body, "type", "blob", "project_id")
        changed = self.manager(self.context).update(secret_id, proof=body.proof(), **changes)
        return self._answer(changed)

    @extend_schema(operation_id="identity_credentials_delete", responses={204: None})
    def destroy(self, request: Request, secret_id: str) -> Response:
        """Remove one; a second factor of one's own takes a body with the proof, as creating does."""
        body = self.wanted("credential", CredentialDelete) if request.data else CredentialDelete()
        self.manager(self.context).delete(secret_id, proof=body.proof())
        return empty(204)

    def _answer(self, one: Opened, *, status: int = 200) -> Response:
        body = credential_body(self.request._request, one)
        return Response({"credential": body}, status=status)


class AccessKeyViewSet(IdentityViewSet):
    """EC2 keys of a user."""

    manager = AccessKeyManager

    @extend_schema(operation_id="identity_ec2_credentials_list", responses={200: dict})
    def list(self, request: Request, user_id: str) -> Response:
        """Return the keys of a user, without their secrets."""
        http = request._request
        keys = self.manager(self.context).list(user_id)
        return whole(http, "credentials", [access_key_body(http, key) for key in keys])

    @extend_schema(
        operation_id="identity_ec2_credentials_create",
        request=AccessKeyCreate,
        responses={201: dict},
    )
    def create(self, request: Request, user_id: str) -> Response:
        """Draw a key; the body has no envelope."""
        body = self.validated(AccessKeyCreate)
        key = self.manager(self.context).create(user_id, project_id=body.tenant_id)
        return self._answer(key_body=access_key_body(request._request, key), status=201)

    @extend_schema(operation_id="identity_ec2_credentials_get", responses={200: dict})
    def retrieve(self, request: Request, user_id: str, access: str) -> Response:
        """Return one; with its secret for its owner and operators."""
        key = self.manager(self.context).get(user_id, access)
        return self._answer(key_body=access_key_body(request._request, key))

    @extend_schema(operation_id="identity_ec2_credentials_delete", responses={204: None})
    def destroy(self, request: Request, user_id: str, access: str) -> Response:
        """Remove one."""
        self.manager(self.context).delete(user_id, access)
        return empty(204)

    def _answer(self, *, key_body: dict[str, object], status: int = 200) -> Response:
        return Response({"credential": key_body}, status=status)


def _listed_body(request: HttpRequest, row: Credential) -> dict[str, object]:
    return credential_body(request, Opened(row))
