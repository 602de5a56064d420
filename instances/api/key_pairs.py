"""Key pairs of users."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.microversion import older, without
from cloudweb.api.pagination import next_links, parse_limit
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import STRICT, since
from cloudweb.times import micros
from instances.api.serializers.server_bodies import KeyPairCreate
from instances.manager import KeyPairManager
from instances.models import KeyPair

CHANGES = ((Microversion(2, 2), without("type")),)


class KeyPairViewSet(ServiceViewSet):
    """Key pairs: the keys a user lets into its servers."""

    manager = KeyPairManager

    def _user(self, request: Request) -> str | None:
        return request.query_params.get("user_id") if self.version in since(10) else None

    def _brief(self, pair: KeyPair) -> dict[str, Any]:
        data = {
            "name": pair.name,
            "public_key": pair.public_key,
            "fingerprint": pair.fingerprint,
            "type": pair.type,
        }
        return older(data, self.version, CHANGES)

    @extend_schema(responses={200: dict})
    def list(self, request: Request) -> Response:
        """List own key pairs."""
        self.known_query("user_id", "limit", "marker", strict=STRICT)
        query, pages = request.query_params, self.version in since(35)
        page = self.manager(self.context).list(
            user_id=self._user(request),
            limit=parse_limit(query.get("limit") if pages else None),
            marker=query.get("marker") if pages else None,
        )
        links = next_links(request, page, "keypairs_links", "name") if pages else {}
        return Response({"keypairs": [{"keypair": self._brief(row)} for row in page.rows]} | links)

    @extend_schema(request=within("keypair", KeyPairCreate), responses={201: dict, 200: dict})
    def create(self, request: Request) -> Response:
        """Keep a public key, or draw a pair (until 2.91)."""
        body = self.body("keypair")
        wanted = self.validated(KeyPairCreate, body)
        if self.version in since(92):
            self.require(body, "public_key")
        made = self.manager(self.context).create(
            name=wanted.name,
            public_key=wanted.public_key,
            kind=wanted.type,
            user_id=wanted.user_id,
        )
        data = self._brief(made.pair) | {"user_id": made.pair.user_id}
        if made.private_key is not None:
            data["private_key"] = made.private_key
        return Response({"keypair": data}, status=201 if self.version in since(2) else 200)

    @extend_schema(responses={200: dict})
    def retrieve(self, request: Request, name: str) -> Response:
        """Show a key pair."""
        self.known_query("user_id", strict=STRICT)
        pair = self.manager(self.context).get(name, user_id=self._user(request))
        more = {
            "id": pair.id,
            "user_id": pair.user_id,
            "created_at": micros(pair.created_at),
            "updated_at": None,
            "deleted": False,
            "deleted_at": None,
        }
        return Response({"keypair": self._brief(pair) | more})

    @extend_schema(responses={204: None, 202: None})
    def destroy(self, request: Request, name: str) -> Response:
        """Remove a key pair."""
        self.known_query("user_id", strict=STRICT)
        self.manager(self.context).delete(name, user_id=self._user(request))
        return empty(204 if self.version in since(2) else 202)
