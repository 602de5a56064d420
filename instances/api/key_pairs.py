"""Key pairs of users."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import page, within
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions.compute import STRICT, since
from instances.api.serializers import key_pairs as wire
from instances.manager import KeyPairManager

#: Where creating and deleting answer as they should.
TYPED = since(2)
PAGED = since(35)
QUERY = {"user_id": since(10)}
LIST_QUERY = {**QUERY, "limit": PAGED, "marker": PAGED}
PARAMETERS = parameters(versions=QUERY)


class KeyPairViewSet(ServiceViewSet):
    """Key pairs: the keys a user lets into its servers."""

    manager = KeyPairManager

    @extend_schema(
        parameters=parameters(versions=LIST_QUERY),
        responses={200: page("keypairs", wire.KeyPairListed)},
    )
    def list(self, request: Request) -> Response:
        """List own key pairs."""
        query = self.query(LIST_QUERY, strict=STRICT)
        found = self.manager(self.context).list(
            user_id=query.get("user_id"),
            limit=parse_limit(query.get("limit")),
            marker=query.get("marker"),
        )
        paged = self.version in PAGED
        links = links_after(request, "keypairs", found, "name") if paged else {}
        rows = self.shown_all(wire.KeyPairBrief, found.rows)
        return Response({"keypairs": [{"keypair": row} for row in rows]} | links)

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
        data = self.shown(wire.KeyPairKept, made.pair)
        if made.private_key is not None:
            data["private_key"] = made.private_key
        return Response({"keypair": data}, status=201 if self.version in TYPED else 200)

    @extend_schema(parameters=PARAMETERS, responses={200: within("keypair", wire.KeyPairShown)})
    def retrieve(self, request: Request, name: str) -> Response:
        """Show a key pair."""
        user_id = self.query(QUERY, strict=STRICT).get("user_id")
        pair = self.manager(self.context).get(name, user_id=user_id)
        return Response({"keypair": self.shown(wire.KeyPairShown, pair)})

    @extend_schema(parameters=PARAMETERS, responses={204: None, 202: None})
    def destroy(self, request: Request, name: str) -> Response:
        """Remove a key pair."""
        user_id = self.query(QUERY, strict=STRICT).get("user_id")
        self.manager(self.context).delete(name, user_id=user_id)
        return empty(204 if self.version in TYPED else 202)
