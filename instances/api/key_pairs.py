"""Key pairs of users."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import page, within
from cloudweb.api.pagination import next_links, parse_limit
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions.compute import STRICT, since
from instances.api.serializers import key_pairs as wire
from instances.manager import KeyPairManager

#: Where creating and deleting answer as they should.
TYPED = since(2)


class KeyPairViewSet(ServiceViewSet):
    """Key pairs: the keys a user lets into its servers."""

    manager = KeyPairManager

    def _user(self, request: Request) -> str | None:
        return request.query_params.get("user_id") if self.version in since(10) else None

    @extend_schema(responses={200: page("keypairs", wire.KeyPairListed)})
    def list(self, request: Request) -> Response:
        """List own key pairs."""
        self.known_query("user_id", "limit", "marker", strict=STRICT)
        query, pages = request.query_params, self.version in since(35)
        found = self.manager(self.context).list(
            user_id=self._user(request),
            limit=parse_limit(query.get("limit") if pages else None),
            marker=query.get("marker") if pages else None,
        )
        links = next_links(request, found, "keypairs_links", "name") if pages else {}
        return Response(
            {"keypairs": [{"keypair": wire.brief(row, self.version)} for row in found.rows]} | links
        )

    @extend_schema(
        request=within("keypair", wire.KeyPairCreate),
        responses=dict.fromkeys((200, 201), within("keypair", wire.KeyPairMade)),
    )
    def create(self, request: Request) -> Response:
        """Keep a public key, or draw a pair (until 2.91)."""
        body = self.body("keypair")
        wanted = self.validated(wire.KeyPairCreate, body)
        if self.version in since(92):
            self.require(body, "public_key")
        made = self.manager(self.context).create(
            name=wanted.name,
            public_key=wanted.public_key,
            kind=wanted.type,
            user_id=wanted.user_id,
        )
        data = wire.brief(made.pair, self.version) | {"user_id": made.pair.user_id}
        if made.private_key is not None:
            data["private_key"] = made.private_key
        return Response({"keypair": data}, status=201 if self.version in TYPED else 200)

    @extend_schema(responses={200: within("keypair", wire.KeyPairShown)})
    def retrieve(self, request: Request, name: str) -> Response:
        """Show a key pair."""
        self.known_query("user_id", strict=STRICT)
        pair = self.manager(self.context).get(name, user_id=self._user(request))
        return Response({"keypair": wire.full(pair, self.version)})

    @extend_schema(responses={204: None, 202: None})
    def destroy(self, request: Request, name: str) -> Response:
        """Remove a key pair."""
        self.known_query("user_id", strict=STRICT)
        self.manager(self.context).delete(name, user_id=self._user(request))
        return empty(204 if self.version in TYPED else 202)
