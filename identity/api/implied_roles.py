"""/roles/{id}/implies and /role_inferences."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.page_links import ListLinks
from cloudweb.api.views import ServiceViewSet, empty
from identity.api.lists import whole
from identity.api.serializers.attributes import SelfLink
from identity.api.serializers.roles import inference_body
from identity.api.shapes import Inference, Inferences
from identity.manager import ImpliedRoleManager
from identity.models import Implication, Role

ONE = within("role_inference", Inference, links=SelfLink)
MANY = within("role_inference", Inferences, links=SelfLink)
EVERY = listing("role_inferences", Inferences, links=ListLinks)


class ImpliedRoleViewSet(ServiceViewSet):
    """Which role contains which."""

    manager = ImpliedRoleManager

    @extend_schema(operation_id="identity_implied_roles_list_all", responses={200: EVERY})
    def list_all(self, request: Request) -> Response:
        """Return every role that contains others, with those."""
        rows = self.manager(self.context).list()
        found = [
            inference_body(self.scene, prior, [row.implied for row in same])
            for prior, same in groupby(rows, key=lambda row: row.prior)
        ]
        return whole(request._request, "role_inferences", found)

    @extend_schema(operation_id="identity_implied_roles_list", responses={200: MANY})
    def list(self, request: Request, prior_id: str) -> Response:
        """Return what one role contains directly."""
        prior, implied = self.manager(self.context).list_of(prior_id)
        return self._about(prior, implied, f"roles/{prior.pk}/implies")

    @extend_schema(operation_id="identity_implied_roles_get", responses={200: ONE})
    def retrieve(self, request: Request, prior_id: str, implied_id: str) -> Response:
        """Return one implication."""
        return self._answer(self.manager(self.context).get(prior_id, implied_id))

    @extend_schema(operation_id="identity_implied_roles_check", responses={204: None})
    def check(self, request: Request, prior_id: str, implied_id: str) -> Response:
        """Tell by the status whether one role contains another."""
        self.manager(self.context).get(prior_id, implied_id)
        return empty(204)

    @extend_schema(operation_id="identity_implied_roles_create", request=None, responses={201: ONE})
    def imply(self, request: Request, prior_id: str, implied_id: str) -> Response:
        """Let one role contain another."""
        row = self.manager(self.context).create(prior_id, implied_id)
        return self._answer(row, status=201)

    @extend_schema(operation_id="identity_implied_roles_delete", responses={204: None})
    def withdraw(self, request: Request, prior_id: str, implied_id: str) -> Response:
        """Let a role contain another no more, which ends tokens that carry the other."""
        self.manager(self.context).delete(prior_id, implied_id)
        return empty(204)

    def _answer(self, row: Implication, *, status: int = 200) -> Response:
        path = f"roles/{row.prior_id}/implies/{row.implied_id}"
        return self._about(row.prior, row.implied, path, status=status)

    def _about(
        self, prior: Role, implied: Role | Iterable[Role], path: str, *, status: int = 200
    ) -> Response:
        body = inference_body(self.scene, prior, implied)
        links = {"self": self.scene.url(path)}
        return Response({"role_inference": body, "links": links}, status=status)
