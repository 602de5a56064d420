"""What identity does when time passes."""

from __future__ import annotations

from cloudweb.events import on


@on("minutes.passed")
def synchronize_directories() -> None:
    """Look who left the LDAP directories; costs nothing where there is none."""
    from identity.directories import sync

    sync.start()


@on("minutes.passed")
def expire_memberships() -> None:
    """End what identity providers said too long ago."""
    from identity.federation import shadows

    shadows.expire_memberships()
