"""Who asks, for what, and under which request id: a plain value that travels with every call."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from cloudweb.exceptions import Forbidden


def new_request_id() -> str:
    """Return a fresh request id in OpenStack's form, ``req-<uuid4>``."""
    return f"req-{uuid.uuid4()}"


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The caller of a manager method.

    ``roles`` are role names with the implied ones already expanded, and count in one scope:
    ``project_id``, ``domain_id`` or ``system_scope``; none of them is set for an unscoped token.
    ``restricted`` callers (application credentials, trusts, EC2 keys) may not make further credentials.
    ``methods`` are how the token was got; a browser's session has none.
    ``is_system`` marks the engine and the bootstrap command, which no policy stops.
    """

    request_id: str = field(default_factory=new_request_id)
    user_id: str | None = None
    user_name: str = ""
    user_domain_id: str = ""
    project_id: str | None = None
    project_name: str = ""
    project_domain_id: str = ""
    domain_id: str | None = None
    system_scope: bool = False
    roles: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    remote_address: str = ""
    restricted: bool = False
    credential_id: str = ""
    trust_id: str = ""
    is_system: bool = False

    @classmethod
    def system(cls, *, project_id: str | None = None, request_id: str | None = None) -> Self:
        """Return the context of the cloud itself, optionally on behalf of a project."""
        return cls(request_id=request_id or new_request_id(), project_id=project_id, is_system=True)

    @property
    def is_admin(self) -> bool:
        """Tell whether the caller may act on every project: the cloud, admin of the system or a project.

        An admin of a domain is none: he administers that domain.
        """
        return self.is_system or ("admin" in self.roles and self.domain_id is None)

    @property
    def reads_all(self) -> bool:
        """Tell whether the caller may see everything: operators, and readers of the system."""
        return self.is_admin or (self.system_scope and "reader" in self.roles)

    @property
    def is_delegated(self) -> bool:
        """Tell whether a program or a trustee acts, with a part of what its user may."""
        return self.restricted or bool(self.credential_id or self.trust_id)

    @property
    def scoped_project_id(self) -> str:
        """Return the project of the token; raise Forbidden for an unscoped one."""
        if self.project_id is None:
            raise Forbidden("This call needs a token that is scoped to a project.")
        return self.project_id

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary for a message."""
        return {**asdict(self), "roles": sorted(self.roles), "methods": sorted(self.methods)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild a context from ``to_dict``."""
        sets = {name: frozenset(data.get(name, ())) for name in ("roles", "methods")}
        return cls(**{**data, **sets})
