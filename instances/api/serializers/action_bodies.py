"""What bodies and answers of server actions have in common."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body
from cloudweb.api.views import ServiceViewSet


class ActionBody(Body):
    """What the key of an action holds; null is an empty one."""

    def arguments(self) -> dict[str, Any]:
        """Return what the manager's method is told."""
        return self.model_dump(exclude_unset=True)


class ActionAnswer(Answer):
    """What is answered to an action that has an answer."""

    @classmethod
    def of(cls, found: Any, view: ServiceViewSet) -> Response:
        """Return the answer that tells what the manager's method returned."""
        raise NotImplementedError
