"""/OS-OAUTH1/consumers."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from identity.api.resource import NounViewSet
from identity.api.serializers.oauth1 import CONSUMER, ConsumerWritten
from identity.manager import ConsumerManager


class ConsumerViewSet(NounViewSet):
    """Programs that act for users who let them."""

    manager = ConsumerManager
    resource = CONSUMER

    def create(self, request: Request) -> Response:
        """Record a consumer; its secret is in this answer alone."""
        made = ConsumerManager(self.context).create(**self.said(ConsumerWritten))
        answer = self.answer(made.row, status=201)
        answer.data["consumer"]["secret"] = made.secret
        return answer
