"""What each list can be filtered by, from 3.33 on."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet
from cloudweb.microversions.volume import since
from volume.api.attachments import ATTACHMENTS
from volume.api.groups import GROUP
from volume.api.messages import MESSAGE
from volume.api.serializers.volume_types import VOLUME_TYPE
from volume.api.transfers import TRANSFER
from volume.api.volumes import VOLUMES
from volume.manager import ExtensionManager

#: Noun -> the keys of its lists' queries.
FILTERS = {
    "attachment": sorted(ATTACHMENTS.filters),
    "group": sorted(GROUP.filters),
    "message": sorted(MESSAGE.filters),
    "pool": ["name", "volume_type"],
    "transfer": sorted(TRANSFER.filters),
    "volume": sorted(VOLUMES.filters),
    "volume_type": sorted({"is_public", *VOLUME_TYPE.filters}),
}


class ResourceFiltersShown(Answer):
    """A noun, and what its lists can be filtered by."""

    resource: str
    filters: list[str]


class ResourceFilterViewSet(ServiceViewSet):
    """The filters of all nouns."""

    manager: ClassVar[type[ExtensionManager]] = ExtensionManager

    @since(33)
    @extend_schema(
        operation_id="volume_resource_filters",
        parameters=parameters("resource"),
        responses={200: listing("resource_filters", ResourceFiltersShown)},
    )
    def list(self, request: Request) -> Response:
        """Return the filters of all nouns, or of one."""
        self.manager(self.context).list()
        wanted = request.query_params.get("resource")
        found = [
            {"resource": noun, "filters": names}
            for noun, names in FILTERS.items()
            if wanted in (None, noun)
        ]
        return Response({"resource_filters": found})
