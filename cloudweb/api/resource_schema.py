"""How the views of a noun look in the OpenAPI schema: all of it follows from the resource."""

from __future__ import annotations

from typing import Any

from cloudweb.api.answers import Error, within
from cloudweb.api.filters import kind_of
from cloudweb.api.queries import parameters
from cloudweb.api.schema import ServiceSchema

#: What operation ids and managers call a view's methods.
WORDS = {"retrieve": "get", "partial_update": "update", "destroy": "delete"}


class ResourceSchema(ServiceSchema):
    """Bodies, answers and queries of a resource, for the methods that say nothing else of themselves."""

    @property
    def resource(self) -> Any:
        """What the view is about."""
        view: Any = self.view
        return view.resource

    def get_operation_id(self) -> str:
        """Return ``<service>_<plural>_<action>``."""
        view: Any = self.view
        word = WORDS.get(self.action, self.action)
        return f"{self.service}_{view.called or self.resource.plural}_{word}"

    def get_summary(self) -> str:
        """Return what the manager says of itself where the view is every noun's."""
        view: Any = self.view
        method = getattr(type(view), self.action, None)
        manager = getattr(view.manager, WORDS.get(self.action, self.action), None)
        if manager is None or not method.__module__.endswith(".resource"):
            return super().get_summary()
        return str(manager.__doc__).partition("\n")[0].partition(";")[0].rstrip(".")

    def get_request_serializer(self) -> Any:
        """Return the model of the body in its envelope."""
        model = None
        if self.action == "create":
            model = self.resource.create
        elif self.action in ("update", "partial_update"):
            model = self.resource.update
        return model and within(self.resource.singular, model)

    def get_response_serializers(self) -> Any:
        """Return the answers by status."""
        view: Any = self.view
        if self.action == "destroy":
            return {view.deleted: None}
        status = view.created if self.action == "create" else 200
        if self.action.startswith("list"):
            return {status: self.resource.many(self.dialect)}
        missing = {404: Error} if self.resource.refers and self.action == "create" else {}
        return {status: self.resource.one(), **missing}

    def get_override_parameters(self) -> list[Any]:
        """Return what the query of a list may say."""
        if not self.action.startswith("list"):
            return []
        view: Any = self.view
        kinds = {key: kind_of(filter) for key, filter in self.resource.all_filters.items()}
        return parameters(*view.controls, **kinds)
