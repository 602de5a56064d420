"""/v2/tasks and /v2/images/{id}/tasks: what is being done to images."""

from __future__ import annotations

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.links import base_url
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import InvalidInput
from image.api.serializers.tasks import TASKS, TaskCreate, TaskShown, WholeTask
from image.manager.tasks import ImageTaskManager
from image.task_words import DEFAULT_ORDER, SORT_KEYS, STATES, kinds_of

_LIMIT = 25


class ImageTaskViewSet(ServiceViewSet):
    """Tasks: reading them, and beginning one that records an image and imports it."""

    manager = ImageTaskManager

    @extend_schema(
        operation_id="image_tasks_list",
        parameters=parameters("limit", "marker", "sort_key", "sort_dir", "type", "status"),
        responses={200: TASKS},
    )
    def list(self, request: Request) -> Response:
        """Return a page of tasks."""
        query = request._request.GET
        status, wanted = query.get("status"), query.get("type")
        if status is not None and status not in STATES:
            raise InvalidInput(field="status", value=status, reason=f"One of {', '.join(STATES)}.")
        page = self.manager(self.context).list(
            kinds=kinds_of(wanted) if wanted is not None else (),
            status=status,
            order=_order(query),
            marker=query.get("marker"),
            limit=parse_limit(query.get("limit"), default=_LIMIT),
        )
        tasks = self.shown_all(TaskShown, page.rows)
        links = links_after(request, "tasks", page, "id")
        return Response({"tasks": tasks, "schema": "/v2/schemas/tasks", **links})

    @extend_schema(
        operation_id="image_tasks_create",
        request=TaskCreate,
        parameters=[
            OpenApiParameter(
                "Location", str, OpenApiParameter.HEADER, required=True, response=[201]
            )
        ],
        responses={201: WholeTask},
    )
    def create(self, request: Request) -> Response:
        """Record an image and import its data from a URL."""
        wanted = self.validated(TaskCreate).input
        task = self.manager(self.context).create(
            import_from=wanted.import_from,
            import_from_format=wanted.import_from_format,
            image_id=wanted.image_properties.id,
            attributes=wanted.image_properties.attributes,
        )
        return Response(
            self.shown(WholeTask, task),
            status=201,
            headers={"Location": f"{base_url(request._request)}/image/v2/tasks/{task.id}"},
        )

    @extend_schema(operation_id="image_tasks_get", responses={200: WholeTask})
    def retrieve(self, request: Request, task_id: str) -> Response:
        """Return one task."""
        task = self.manager(self.context).get(task_id)
        return Response(self.shown(WholeTask, task))

    @extend_schema(
        operation_id="image_tasks_of_image", responses={200: listing("tasks", WholeTask)}
    )
    def of_image(self, request: Request, image_id: str) -> Response:
        """Return the tasks of an image, newest first."""
        tasks = self.manager(self.context).of_image(image_id)
        return Response({"tasks": self.shown_all(WholeTask, tasks)})


def _order(query: QueryDict) -> tuple[str, ...]:
    """Read sort_key and sort_dir, each a list with commas."""
    keys = [key for key in str(query.get("sort_key", "")).split(",") if key]
    directions = [word for word in str(query.get("sort_dir", "")).split(",") if word] or ["desc"]
    if len(directions) == 1:
        directions *= max(1, len(keys))
    keys = keys or ["created_at"]
    known = [SORT_KEYS[key] for key in dict.fromkeys(keys) if key in SORT_KEYS]
    if len(known) != len(keys) or len(directions) != len(keys) or {*directions} - {"asc", "desc"}:
        raise InvalidInput(
            field="sort_key",
            value=f"{query.get('sort_key')}:{query.get('sort_dir')}",
            reason=f"Keys are {', '.join(sorted(SORT_KEYS))}, directions asc and desc.",
        )
    pairs = zip(known, directions, strict=True)
    order = [key if direction == "asc" else f"-{key}" for key, direction in pairs]
    return (*order, *(key for key in DEFAULT_ORDER if key.lstrip("-") not in known))
