"""Server groups on the wire: one list of policies below 2.64, one policy with rules from there on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Name, PositiveNumber
from cloudweb.api.shown import Always, Of
from cloudweb.microversions import version_of
from cloudweb.microversions.compute import since, until
from instances.models import ServerGroup

Policy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]


def _known(policy: Policy, info: ValidationInfo) -> Policy:
    """Refuse a preference at a version without any."""
    version = version_of(info)
    if policy.startswith("soft-") and version is not None and version not in since(15):
        raise ValueError("One of affinity, anti-affinity.")
    return policy


class Rules(Body):
    """What goes with a policy."""

    max_server_per_host: PositiveNumber | None = None


class ServerGroupCreate(Body):
    """The ``server_group`` of POST /os-server-groups."""

    name: Annotated[Name, StringConstraints(max_length=255)]
    policies: Annotated[tuple[Annotated[Policy, AfterValidator(_known)]] | None, until(63)] = None
    policy: Annotated[Policy | None, since(64)] = None
    rules: Annotated[Rules | None, since(64)] = None

    @property
    def wanted_policy(self) -> str:
        """The policy, in whichever form it was said."""
        return self.policy or (self.policies or ("",))[0]


def _policies(group: ServerGroup) -> list[str]:
    return [group.policy]


def _members(group: ServerGroup) -> list[str]:
    return [str(server.id) for server in group.servers.all()]


def _rules(group: ServerGroup) -> dict[str, Any]:
    most = group.max_server_per_host
    return {} if most is None else {"max_server_per_host": most}


class ServerGroupShown(Answer):
    """A group with its servers."""

    id: str
    name: str
    policies: Annotated[list[str], Of(_policies), until(63)]
    metadata: Annotated[dict[str, str], Always({}), until(63)]
    members: Annotated[list[str], Of(_members)] = Field(description="Ids of servers.")
    policy: Annotated[str, since(64)]
    rules: Annotated[dict[str, int], Of(_rules), since(64)]
    project_id: Annotated[str, since(13)]
    user_id: Annotated[str, since(13)]
