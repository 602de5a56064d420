"""OS-ENDPOINT-POLICY: which policy an endpoint, a service or a service in a region has."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, listed, one_shown
from identity.api.serializers.catalog import EndpointShown
from identity.api.serializers.policies import PolicyShown
from identity.api.views import IdentityViewSet
from identity.manager import EndpointPolicyManager
from identity.manager.endpoint_policies import Target

PAGED = Hints()


class EndpointPolicyViewSet(IdentityViewSet):
    """Associations; the route's ids name the target."""

    manager = EndpointPolicyManager

    @extend_schema(
        operation_id="identity_policy_endpoints_list",
        parameters=PAGED.parameters,
        responses={200: dict},
    )
    def endpoints(self, request: Request, policy_id: str) -> Response:
        """Return the endpoints of a policy."""
        rows = self.manager(self.context).endpoints_of(policy_id)
        return listed(request._request, "endpoints", rows, EndpointShown)

    @extend_schema(operation_id="identity_endpoint_policy_get", responses={200: dict})
    def of_endpoint(self, request: Request, endpoint_id: str) -> Response:
        """Return the policy of an endpoint."""
        found = self.manager(self.context).of_endpoint(endpoint_id)
        return Response({"policy": one_shown(request._request, PolicyShown, found)})

    @extend_schema(responses={204: None})
    def check(self, request: Request, policy_id: str, **target: str) -> Response:
        """Tell by the status whether the policy is the target's."""
        self.manager(self.context).check(policy_id, Target(**target))
        return empty(204)

    @extend_schema(request=None, responses={204: None})
    def add(self, request: Request, policy_id: str, **target: str) -> Response:
        """Make a policy the target's."""
        self.manager(self.context).add(policy_id, Target(**target))
        return empty(204)

    @extend_schema(responses={204: None})
    def remove(self, request: Request, policy_id: str, **target: str) -> Response:
        """End that it is."""
        self.manager(self.context).remove(policy_id, Target(**target))
        return empty(204)
