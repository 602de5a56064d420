"""Routes that answer both bare and under a project's id in the URL (contract 1.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.urls import URLPattern, URLResolver, include, path, re_path

Routes = Sequence[URLPattern | URLResolver]

PROJECT_ID = r"(?P<url_project_id>[0-9a-f-]{32,36})"


def versioned(version: str, routes: Routes) -> list[URLPattern | URLResolver]:
    """Return a flat table's routes under ``/v2.1/…`` and ``/v2.1/{project id}/…``.

    The base view compares the id with the token's project and keeps it from the handlers.
    """
    return [
        path(f"/{version}/", include(list(routes))),
        re_path(rf"^/{re.escape(version)}/{PROJECT_ID}/", include(list(routes))),
    ]
