"""Access rules: the requests that an application credential may make, when it has such a list."""

from __future__ import annotations

import re
from functools import lru_cache

from cloudweb.api.mounts import service_of
from cloudweb.exceptions import Forbidden
from identity.models import AccessRule

#: Service types of the catalog by the mount that answers for them.
TYPES = {
    "volume": ("volume", "volumev3", "block-storage"),
}
_WILD = re.compile(r"\*\*|\*|\{[^{}/]*\}")


def enforce(credential_id: str, *, method: str, path: str) -> None:
    """Raise Forbidden unless a rule of the credential allows this request; one read by key."""
    rows = AccessRule.objects.filter(application_credentials=credential_id)
    for service, verb, pattern in rows.values_list("service", "method", "path"):
        if allows(service=service, verb=verb, pattern=pattern, method=method, path=path):
            return
    raise Forbidden(
        "The access rules of this application credential do not allow the request.",
        detail=f"{method} {path} by application credential {credential_id}",
    )


def allows(*, service: str, verb: str, pattern: str, method: str, path: str) -> bool:
    """Tell whether one rule covers a request. ``path`` is the whole one, with its mount.

    In a pattern ``*`` and ``{name}`` stand for one element, ``**`` for any rest. It is written as
    the service sees it: ``/v2.1/servers``. HEAD counts as GET.
    """
    mount = service_of(path)
    if mount is None or service not in TYPES.get(mount, (mount,)):
        return False
    if verb.upper() != ("GET" if method == "HEAD" and verb.upper() == "GET" else method):
        return False
    inside = "/" + path.lstrip("/").partition("/")[2].rstrip("/")
    return _compiled(pattern.rstrip("/") or "/").fullmatch(inside) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts, at = [], 0
    for found in _WILD.finditer(pattern):
        parts.append(re.escape(pattern[at : found.start()]))
        parts.append(".*" if found.group() == "**" else "[^/]+")
        at = found.end()
    return re.compile("".join(parts) + re.escape(pattern[at:]))
