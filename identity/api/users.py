"""/users."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error, within
from cloudweb.api.auth import HasToken
from cloudweb.api.views import empty
from cloudweb.context import RequestContext
from identity.api.resource import NounViewSet
from identity.api.serializers.users import USER, PasswordChange
from identity.api.views import stranger
from identity.manager import UserManager


class UserViewSet(NounViewSet):
    """People and programs that log in."""

    manager = UserManager
    resource = USER
    in_domain = True

    def get_permissions(self) -> list[BasePermission]:
        """Let anyone change a password he knows."""
        return [AllowAny() if getattr(self, "action", "") == "change_password" else HasToken()]

    @extend_schema(
        operation_id="identity_users_password",
        request=within("user", PasswordChange),
        responses={204: None, 401: Error},
    )
    def change_password(self, request: Request, user_id: str) -> Response:
        """Change one's own password; who knows it needs no token, so an expired one can be changed.

        ``passcode`` is a one-time password or a recovery code, for users with a second factor.
        """
        body = self.wanted(PasswordChange)
        UserManager(self._caller()).change_password(
            user_id,
            original_password=body.original_password,
            password=body.password,
            passcode=body.passcode or "",
        )
        return empty(204)

    def _caller(self) -> RequestContext:
        """Return the context of the token, or of somebody who has none."""
        if isinstance(self.request.auth, RequestContext):
            return self.request.auth
        return stranger(self.request._request)
