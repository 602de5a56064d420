"""/users/{id}/application_credentials and /users/{id}/access_rules."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from identity.api.resource import NounViewSet, done, listed, told
from identity.api.serializers.application_credentials import (
    ACCESS_RULE,
    APPLICATION_CREDENTIAL,
    ApplicationCredentialCreate,
)
from identity.manager import ApplicationCredentialManager


class ApplicationCredentialViewSet(NounViewSet):
    """Log-ins of programs."""

    manager = ApplicationCredentialManager
    resource = APPLICATION_CREDENTIAL

    def create(self, request: Request, user_id: str) -> Response:
        """Record one; this answer alone holds its secret."""
        said = self.said(ApplicationCredentialCreate)
        made = ApplicationCredentialManager(self.context).create(user_id, **said)
        answer = self.answer(made.row, status=201)
        answer.data["application_credential"]["secret"] = made.secret
        return answer


class AccessRuleViewSet(NounViewSet):
    """Requests that application credentials may make."""

    manager = ApplicationCredentialManager
    resource = ACCESS_RULE
    list = listed(ApplicationCredentialManager.list_rules)
    retrieve = told(ApplicationCredentialManager.get_rule)
    destroy = done(ApplicationCredentialManager.delete_rule)
