"""/ec2tokens and /s3tokens: services turn what users signed into tokens."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error, within
from cloudweb.api.views import ServiceViewSet
from identity.api.serializers.signatures import SignedRequest, SignedText
from identity.api.tokens import ISSUED, TOKEN, answered
from identity.manager import SignatureManager
from identity.methods.signature import SignatureProof


class SignatureViewSet(ServiceViewSet):
    """Requests signed with EC2 keys."""

    manager = SignatureManager
    once = False

    @extend_schema(
        operation_id="identity_ec2_tokens_issue",
        parameters=[ISSUED],
        request=within("credentials", SignedRequest),
        responses={200: TOKEN, 401: Error},
    )
    def of_request(self, request: Request) -> Response:
        """Return a token of who signed a request; older clients say ``ec2Credentials``."""
        data = request.data
        older = isinstance(data, dict) and "credentials" not in data and "ec2Credentials" in data
        given = self.body("ec2Credentials" if older else "credentials")
        return self._answer(self.validated(SignedRequest, given).proof())

    @extend_schema(
        operation_id="identity_s3_tokens_issue",
        parameters=[ISSUED],
        request=within("credentials", SignedText),
        responses={200: TOKEN, 401: Error},
    )
    def of_text(self, request: Request) -> Response:
        """Return a token of who signed a text."""
        return self._answer(self.validated(SignedText, self.body("credentials")).proof())

    def _answer(self, proof: SignatureProof) -> Response:
        issued = SignatureManager(self.context).issue(proof)
        return answered(self.request._request, issued, issued.token.signed(), status=200)
