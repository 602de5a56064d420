"""OAuth 1.0a access tokens: which consumers act for a user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb import audit
from cloudweb.database import clock
from cloudweb.database.locks import locked
from cloudweb.encryption import encrypt
from cloudweb.exceptions import Unauthorized
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import oauth1, revocations
from identity.exceptions import AccessTokenNotFound, RoleNotFound
from identity.ids import undashed
from identity.manager.own import changeable_user_id, readable_user_id
from identity.models import AccessToken, RequestToken, Role
from identity.oauth1 import SignedRequest

LIFETIME = timedelta(days=1)


class AccessTokenManager(Manager):
    """What users let consumers do; the secrets are shown to the consumers once."""

    @policy("identity:access_tokens:create")
    def create(self, signed: SignedRequest) -> dict[str, str]:
        """Return an access token and its secret for a request token that a user authorized.

        The request token is used up. Raises BadRequest, Unauthorized.
        """
        until = clock.now() + LIFETIME

        def keep(token: Mapping[str, str], request: Any) -> None:
            rows = RequestToken.objects.filter(pk=request.resource_owner_key, user__isnull=False)
            asked = locked(rows).first()
            if asked is None:
                raise Unauthorized(detail="the request token was used up meanwhile")
            audit.note(user_id=str(asked.user_id), project_id=asked.project_id)
            AccessToken.objects.filter(expires_at__lte=clock.now()).delete()
            row = AccessToken.objects.create(
                pk=token["oauth_token"],
                consumer_id=asked.consumer_id,
                encrypted_secret=encrypt(token["oauth_token_secret"]),
                user_id=str(asked.user_id),
                project_id=asked.project_id,
                expires_at=until,
            )
            row.roles.set(asked.roles.all())
            asked.delete()

        return oauth1.exchanged(signed, expires_at=until, keep=keep)

    @policy("identity:access_tokens:list")
    def list(self, user_id: str) -> QuerySet[AccessToken]:
        """Return those of a user that still count; raise UserNotFound."""
        own = readable_user_id(self.context, user_id)
        return AccessToken.objects.filter(user_id=own, expires_at__gt=clock.now())

    @policy("identity:access_tokens:get")
    def get(self, user_id: str, token_id: str) -> AccessToken:
        """Return one; raise UserNotFound, AccessTokenNotFound."""
        row = self.list(user_id).filter(pk=undashed(token_id)).first()
        if row is None:
            raise AccessTokenNotFound(token_id)
        return row

    @policy("identity:access_tokens:delete")
    def delete(self, user_id: str, token_id: str) -> None:
        """Let a consumer act no longer, at once; raise AccessTokenNotFound, MadeByProgram."""
        changeable_user_id(self.context, user_id)
        row = self.get(user_id, token_id)
        with transaction.atomic():
            key = row.pk
            row.delete()
            revocations.revoke(key_id=key)

    @policy("identity:access_token_roles:list")
    def roles_of(self, user_id: str, token_id: str) -> QuerySet[Role]:
        """Return the roles with which the consumer acts."""
        return self.get(user_id, token_id).roles.all()

    @policy("identity:access_token_roles:get")
    def role_of(self, user_id: str, token_id: str, role_id: str) -> Role:
        """Return one of them; raise RoleNotFound."""
        role = self.get(user_id, token_id).roles.filter(pk=undashed(role_id)).first()
        if role is None:
            raise RoleNotFound(role_id)
        return role
