"""Every drill; a saga that has none fails a contract test."""

from __future__ import annotations

from tests.drills import children, images, networks, servers

DRILLS = (*servers.DRILLS, *networks.DRILLS, *images.DRILLS, *children.DRILLS)
