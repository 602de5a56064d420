"""OS-ENDPOINT-POLICY: which policy an endpoint, a service or a service in a region has."""

from __future__ import annotations

from dataclasses import replace

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet, empty
from identity.api.resource import NounViewSet, listed, told
from identity.api.serializers.catalog import ENDPOINT
from identity.api.serializers.policies import POLICY
from identity.manager import EndpointPolicyManager
from identity.manager.endpoint_policies import Target


class PolicyEndpointViewSet(NounViewSet):
    """The endpoints of a policy."""

    manager = EndpointPolicyManager
    resource = replace(ENDPOINT, filters={})
    called = "policy_endpoints"
    list = listed(EndpointPolicyManager.endpoints_of)


class PolicyOfEndpointViewSet(NounViewSet):
    """The policy of an endpoint."""

    manager = EndpointPolicyManager
    resource = POLICY
    called = "endpoint_policy"
    retrieve = told(EndpointPolicyManager.of_endpoint)


class EndpointPolicyViewSet(ServiceViewSet):
    """Associations; the route's ids name the target."""

    manager = EndpointPolicyManager

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
