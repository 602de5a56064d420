"""A host: agents and drivers. No database, no app of ours but the base library."""

from __future__ import annotations

from cloudweb.settings.common import *  # noqa: F403

SECRET_KEY = "unused: a host signs with its own key"  # noqa: S105
INSTALLED_APPS = ["cloudweb"]
DATABASES: dict[str, object] = {}
