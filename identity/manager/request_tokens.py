"""OAuth 1.0a request tokens: a consumer asks, a user lets it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction

from cloudweb.database import clock
from cloudweb.database.locks import locked
from cloudweb.encryption import encrypt
from cloudweb.exceptions import Conflict, Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import oauth1
from identity.exceptions import ProjectNotFound, RequestTokenNotFound
from identity.ids import undashed
from identity.manager.application_credentials import Wanted
from identity.models import AccessToken, Consumer, Project, RequestToken, Role
from identity.oauth1 import SignedRequest
from identity.querysets import effective_roles
from identity.scopes import Place

LIFETIME = timedelta(hours=8)
#: How many a consumer may have at a time, and how many tokens a user may have given.
MOST_OF_CONSUMER, MOST_OF_USER = 1000, 100


class RequestTokenManager(Manager):
    """Wishes of consumers to act on projects."""

    @policy("identity:request_tokens:create")
    def create(self, signed: SignedRequest, *, project_id: str) -> dict[str, str]:
        """Return a new request token and its secret, as OAuth names them.

        Raises BadRequest, Unauthorized, ProjectNotFound, Conflict where there are too many.
        """
        until = clock.now() + LIFETIME

        def keep(token: Mapping[str, str], request: Any) -> None:
            project = Project.objects.filter(pk=undashed(project_id), enabled=True).first()
            if project is None:
                raise ProjectNotFound(project_id)
            consumer = locked(Consumer.objects.filter(pk=request.client_key)).get()
            RequestToken.objects.filter(expires_at__lte=clock.now()).delete()
            if consumer.request_tokens.count() >= MOST_OF_CONSUMER:
                raise Conflict("The consumer has too many request tokens that nobody took up.")
            RequestToken.objects.create(
                pk=token["oauth_token"],
                consumer=consumer,
                encrypted_secret=encrypt(token["oauth_token_secret"]),
                project=project,
                expires_at=until,
            )

        return oauth1.request_token(signed, expires_at=until, keep=keep)

    @policy("identity:request_tokens:authorize")
    def authorize(self, token_id: str, *, roles: Sequence[Wanted]) -> str:
        """Let a consumer act with some of one's own roles on its project; return the verifier.

        A user does so in person, once for each request token. Raises RequestTokenNotFound,
        Conflict, Forbidden.
        """
        verifier = "".join(secrets.choice("abcdefghkmnpqrstuvwxyz23456789") for _ in range(12))
        with transaction.atomic():
            rows = RequestToken.objects.filter(pk=token_id, expires_at__gt=clock.now())
            row = locked(rows).first()
            if row is None:
                raise RequestTokenNotFound(token_id)
            if row.user_id is not None:
                raise Conflict("This request token was authorized already.")
            self._refuse_many()
            row.roles.set(self._roles(row.project, roles))
            row.user_id = self.context.user_id
            row.encrypted_verifier = encrypt(verifier)
            row.save(update_fields=["user", "encrypted_verifier"])
        return verifier

    def _refuse_many(self) -> None:
        own = {"user_id": self.context.user_id, "expires_at__gt": clock.now()}
        given = (
            AccessToken.objects.filter(**own).count() + RequestToken.objects.filter(**own).count()
        )
        if given >= MOST_OF_USER:
            raise Conflict(f"A user lets {MOST_OF_USER} consumers act for him at most.")

    def _roles(self, project: Project, wanted: Sequence[Wanted]) -> Sequence[Role]:
        place = Place(project=project)
        held = effective_roles(str(self.context.user_id), place) if place.is_usable else []
        by_id, by_name = {role.pk: role for role in held}, {role.name: role for role in held}
        found = [by_id.get(one.id) if one.id else by_name.get(one.name) for one in wanted]
        if None in found or not found:
            raise Forbidden(
                "Only roles that the user has on the project can be given to a consumer."
            )
        return [role for role in found if role is not None]
