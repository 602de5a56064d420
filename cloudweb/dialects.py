"""The services, one object each: a new service is one more here, and a mount in ``cloudweb/urls.py``.

Each is mounted under its name.
"""

from __future__ import annotations

from cloudweb.dialect import (
    Dialect,
    fault,
    neutron_error,
    plain_error,
    policy_refusal,
)
from cloudweb.microversions.compute import COMPUTE as COMPUTE_VERSIONS
from cloudweb.microversions.volume import VOLUME as VOLUME_VERSIONS


def _one_of(name: str) -> tuple[str, str]:
    """Return the action and the noun of ``<resource>:<action>``: one of them, but a list of many."""
    resource, _, action = name.partition(":")
    return action, resource if action == "list" else resource.removesuffix("s")


def _identity_refusal(name: str) -> str:
    action, noun = _one_of(name)
    return f"You are not authorized to perform the requested action: identity:{action}_{noun}."


def _network_refusal(name: str) -> str:
    action, noun = _one_of(name)
    verb = "get" if action in ("list", "show", "get") else action
    return f"rule:{verb}_{noun} is disallowed by policy"


IDENTITY = Dialect(
    service="identity",
    version="v3",
    envelope=plain_error,
    refusal=_identity_refusal,
    page_links="of list",
    unknown_marker="The marker {} does not exist.",
)
COMPUTE = Dialect(
    service="compute",
    version="v2.1",
    envelope=fault("computeFault"),
    refusal=policy_refusal("os_compute_api"),
    page_links="beside",
    versions=COMPUTE_VERSIONS,
    older="v2",
    refuses_empty_ids=True,
    request_ids=("X-Compute-Request-Id",),
    usual=(404, 406),  # a microversion has no such route, or is none
    fewer="default",
)
NETWORK = Dialect(
    service="network",
    version="v2.0",
    envelope=neutron_error,
    refusal=_network_refusal,
    page_links="both ways",
    quota_status=409,
    suffix=".json",
    refuses_empty_ids=True,
    usual=(404,),  # what a body refers to
    fewer="refused",
    refuses_unknown_filters=True,
    unknown_marker="",
    zero_is_unlimited=True,
)
IMAGE = Dialect(
    service="image",
    version="v2",
    envelope=plain_error,
    refusal=lambda _name: "You are not authorized to complete this action.",
    page_links="first and next",
    quota_status=413,
    refuses_empty_ids=True,
)
VOLUME = Dialect(
    service="volume",
    version="v3",
    envelope=fault("computeFault"),
    refusal=policy_refusal("volume"),
    page_links="beside",
    quota_status=413,
    versions=VOLUME_VERSIONS,
    usual=(404, 406),  # a microversion has no such route, or is none
    refuses_empty_ids=True,
)
DATABASE = Dialect(
    service="database",
    version="v1.0",
    envelope=fault("instanceFault", {409: "conflict"}),
    refusal=policy_refusal("database"),
    page_links="links beside",
    quota_status=413,
    speaks_xml=True,
)
AUDIT = Dialect(
    service="audit",
    version="v1",
    envelope=plain_error,
    refusal=policy_refusal("audit"),
    page_links="next of list",
)
#: Where tokens come from.
LOG_IN = IDENTITY
#: What is said outside of every service.
CLOUD = Dialect(
    service="cloud",
    version="",
    envelope=plain_error,
    refusal=policy_refusal("cloud"),
    page_links="next of list",
)
DIALECTS = {
    one.service: one for one in (IDENTITY, COMPUTE, NETWORK, IMAGE, VOLUME, DATABASE, AUDIT)
}
