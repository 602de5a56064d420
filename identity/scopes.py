"""Scopes: where a token's roles count, once the project, domain or system was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from identity.models import Domain, Project


@dataclass(frozen=True, slots=True)
class Place:
    """A project, a domain or the system; nothing at all for an unscoped token."""

    project: Project | None = None
    domain: Domain | None = None
    system: bool = False

    @property
    def is_somewhere(self) -> bool:
        """Tell whether roles can count here."""
        return self.project is not None or self.domain is not None or self.system

    @property
    def is_usable(self) -> bool:
        """Tell whether it is enabled, its domain too."""
        if self.project is not None:
            return self.project.enabled and self.project.domain.enabled
        return self.domain.enabled if self.domain is not None else True

    def columns(self) -> dict[str, Any]:
        """Return the columns of an assignment here."""
        return {"project": self.project, "domain": self.domain, "system": self.system}

    def revocation(self) -> dict[str, Any]:
        """Return what names this scope in a revocation."""
        if self.project is not None:
            return {"project_id": self.project.pk}
        if self.domain is not None:
            return {"domain_id": self.domain.pk}
        return {"system": self.system}


NOWHERE = Place()
SYSTEM = Place(system=True)
