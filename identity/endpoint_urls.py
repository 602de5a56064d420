"""URLs of endpoints with place holders, as operators write them and as a client gets them.

Known are ``{base}`` (the address the client came by), ``{project_id}``, and the older spellings
``$(project_id)s``, ``%(project_id)s`` and the same with ``tenant_id``.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from cloudweb.exceptions import InvalidInput

_PROJECT = re.compile(r"\{project_id\}|[$%]\((?:project|tenant)_id\)s")
_ANY = re.compile(r"\{[^}]*\}|[$%]\([^)]*\)s?")
BASE = "{base}"


def check(url: str) -> None:
    """Raise InvalidInput for what is no URL, or has a place holder nobody fills in."""
    plain = _PROJECT.sub("x", url.replace(BASE, "http://base", 1))
    unknown = _ANY.search(plain)
    if unknown is not None:
        raise InvalidInput(
            field="url", value=url, reason=f"Nothing is known for {unknown.group()[:40]}."
        )
    try:
        parts = urlsplit(plain)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f\x7f]", plain):
        raise InvalidInput(field="url", value=url, reason="It must be an http or https URL.")


def needs_project(url: str) -> bool:
    """Tell whether a token without a project cannot use it."""
    return _PROJECT.search(url) is not None


def filled_in(url: str, *, base: str, project_id: str | None = None) -> str:
    """Return the URL for one client; without a project its place holder stays."""
    found = url.replace(BASE, base, 1)
    return found if project_id is None else _PROJECT.sub(project_id, found)
