"""/v2/images/{id}/members: the projects an image is shared with."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet, empty
from image.api.serializers.members import MEMBERS, MemberAdd, MemberShown, MemberUpdate
from image.manager import ImageMemberManager
from image.models import ImageMember


class ImageMemberViewSet(ServiceViewSet):
    """Members: an owner shares, a member accepts or rejects."""

    manager = ImageMemberManager

    @extend_schema(operation_id="image_members_list", responses={200: MEMBERS})
    def list(self, request: Request, image_id: str) -> Response:
        """Return the members that the caller may see; at most 128, so not paged."""
        rows = self.shown_all(MemberShown, self.manager(self.context).list(image_id))
        return Response({"members": rows, "schema": "/v2/schemas/members"})

    @extend_schema(operation_id="image_members_get", responses={200: MemberShown})
    def retrieve(self, request: Request, image_id: str, member_id: str) -> Response:
        """Return one member."""
        return self._one(self.manager(self.context).get(image_id, member_id))

    @extend_schema(
        operation_id="image_members_add", request=MemberAdd, responses={200: MemberShown}
    )
    def create(self, request: Request, image_id: str) -> Response:
        """Share an image; clients expect 200."""
        wanted = self.validated(MemberAdd)
        return self._one(self.manager(self.context).add(image_id, wanted.member))

    @extend_schema(
        operation_id="image_members_update", request=MemberUpdate, responses={200: MemberShown}
    )
    def update(self, request: Request, image_id: str, member_id: str) -> Response:
        """Accept or reject an image."""
        wanted = self.validated(MemberUpdate)
        return self._one(self.manager(self.context).update(image_id, member_id, wanted.status))

    @extend_schema(operation_id="image_members_delete", responses={204: None})
    def destroy(self, request: Request, image_id: str, member_id: str) -> Response:
        """Share an image no longer."""
        self.manager(self.context).delete(image_id, member_id)
        return empty(204)

    def _one(self, member: ImageMember) -> Response:
        return Response(self.shown(MemberShown, member))
