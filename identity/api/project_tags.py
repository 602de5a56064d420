"""/projects/{id}/tags."""

from __future__ import annotations

from collections.abc import Sequence

from drf_spectacular.utils import extend_schema
from pydantic import TypeAdapter, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.fields import Body
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import InvalidInput
from identity.api.serializers.attributes import SelfLink
from identity.api.serializers.projects import Tag, Tags
from identity.manager import ProjectTagManager

_TAG: TypeAdapter[str] = TypeAdapter(Tag)


class AllTags(Body):
    """PUT /projects/{id}/tags."""

    tags: Tags


TAGS = listing("tags", str, links=SelfLink)


class ProjectTagViewSet(ServiceViewSet):
    """Words by which projects are found again."""

    manager = ProjectTagManager

    @extend_schema(operation_id="identity_project_tags_list", responses={200: TAGS})
    def list(self, request: Request, project_id: str) -> Response:
        """Return the tags of a project."""
        return self._all(project_id, self.manager(self.context).list(project_id))

    @extend_schema(
        operation_id="identity_project_tags_replace", request=AllTags, responses={200: TAGS}
    )
    def replace(self, request: Request, project_id: str) -> Response:
        """Set all tags of a project."""
        wanted = self.validated(AllTags)
        tags = self.manager(self.context).replace(project_id, tags=wanted.tags)
        return self._all(project_id, tags)

    @extend_schema(operation_id="identity_project_tags_clear", responses={204: None})
    def clear(self, request: Request, project_id: str) -> Response:
        """Remove all tags of a project."""
        self.manager(self.context).replace(project_id, tags=())
        return empty(204)

    @extend_schema(operation_id="identity_project_tags_check", responses={204: None})
    def check(self, request: Request, project_id: str, tag: str) -> Response:
        """Tell by the status whether a project has a tag."""
        self.manager(self.context).check(project_id, tag=tag)
        return empty(204)

    @extend_schema(operation_id="identity_project_tags_add", request=None, responses={201: None})
    def add(self, request: Request, project_id: str, tag: str) -> Response:
        """Put a tag on a project."""
        try:
            wanted = _TAG.validate_python(tag)
        except ValidationError as error:
            raise InvalidInput(
                field="tag", value=tag, reason=f"{error.errors()[0]['msg']}."
            ) from error
        self.manager(self.context).add(project_id, tag=wanted)
        response = empty(201)
        response.headers["Location"] = self.scene.url(f"projects/{project_id}/tags/{wanted}")
        return response

    @extend_schema(operation_id="identity_project_tags_remove", responses={204: None})
    def remove(self, request: Request, project_id: str, tag: str) -> Response:
        """Take a tag away."""
        self.manager(self.context).remove(project_id, tag=tag)
        return empty(204)

    def _all(self, project_id: str, tags: Sequence[str]) -> Response:
        links = {"self": self.scene.url(f"projects/{project_id}/tags")}
        return Response({"tags": tags, "links": links})
