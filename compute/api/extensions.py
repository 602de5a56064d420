"""Extensions, as clients older than microversions look for them."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, Link, listing, within
from cloudweb.api.views import ServiceViewSet
from compute.manager.extensions import Extension, ExtensionManager

UPDATED = "2014-12-03T00:00:00Z"
#: From the days of XML; clients want the key.
NAMESPACE = "http://docs.openstack.org/compute/ext/fake_xml"


class ExtensionShown(Answer):
    """A group of calls; its name of an XML space and its time say nothing."""

    alias: str
    name: str
    description: str
    links: list[Link]
    namespace: str
    updated: str


class ExtensionViewSet(ServiceViewSet):
    """List and show."""

    manager: ClassVar[type[ExtensionManager]] = ExtensionManager

    @extend_schema(responses={200: listing("extensions", ExtensionShown)})
    def list(self, request: Request) -> Response:
        """Return all extensions."""
        found = self.manager(self.context).list()
        return Response({"extensions": [_extension(item) for item in found]})

    @extend_schema(responses={200: within("extension", ExtensionShown)})
    def retrieve(self, request: Request, alias: str) -> Response:
        """Return one extension."""
        return Response({"extension": _extension(self.manager(self.context).get(alias))})


def _extension(item: Extension) -> dict[str, Any]:
    return {
        "alias": item.alias,
        "name": item.name,
        "description": item.description,
        "links": [],
        "namespace": NAMESPACE,
        "updated": UPDATED,
    }
