"""What is asked for when a server is rebuilt; what is not said stays."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from instances.injected_files import InjectedFile
from instances.user_data import check_user_data


def new_password() -> str:
    """Return a password for an administrator who named none."""
    return secrets.token_urlsafe(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildRequest:
    """A new disk, from ``image_id``. Of ``unset``, "key_name" and "user_data" are taken away.

    Raises InvalidInput for user data that is none. Secrets stay out of what is printed.
    """

    image_id: str
    admin_password: str = field(repr=False)
    preserve_ephemeral: bool = False
    name: str | None = None
    metadata: Mapping[str, str] | None = None
    key_name: str | None = None
    user_data: str | None = field(default=None, repr=False)
    injected_files: tuple[InjectedFile, ...] = field(default=(), repr=False)
    unset: frozenset[str] = frozenset()
    #: The volume that a server boots from is written anew, too; else it stays, and so must its image.
    in_volumes: bool = False
    #: Columns that need no check: access addresses, disk config, description, host name.
    plain: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_user_data(self.user_data)
