"""How the views of the network API look in the OpenAPI schema."""

from __future__ import annotations

from typing import Any

from cloudweb.api.answers import within
from cloudweb.api.schema import ServiceSchema


class NetworkSchema(ServiceSchema):
    """Bodies come from the resource's models; ids from its words."""

    def get_operation_id(self) -> str:
        """Return ``network_<plural>_<action>``."""
        view: Any = self.view
        return f"network_{view.resource.plural}_{view.action}"

    def get_request_serializer(self) -> Any:
        """Return the model of the body in its envelope (a list of them goes under the plural)."""
        view: Any = self.view
        model = getattr(view.resource, view.action) if view.action in ("create", "update") else None
        return model and within(view.resource.singular, model)

    def get_response_serializers(self) -> Any:
        """Return the answers by status."""
        view: Any = self.view
        status = {"create": 201, "destroy": 204}.get(view.action, 200)
        return {status: None if status == 204 else dict}
