"""Access rules: the requests that an application credential may make, when it has such a list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from cloudweb.exceptions import Forbidden
from cloudweb.mounts import service_of
from identity.models import AccessRule

#: Service types of the catalog by the mount that answers for them.
TYPES = {
    "volume": ("volume", "volumev3", "block-storage"),
}
#: No path of a service is longer; what is, no rule allows.
LONGEST_PATH = 2048
_PARTS = re.compile(r"\*\*|\*|\{[^{}/]*\}|.", re.DOTALL)


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

    In a pattern ``*`` and ``{name}`` stand for one segment or a part of it, ``**`` for any rest. It is
    written as the service sees it: ``/v2.1/servers``. HEAD counts as GET.
    """
    mount = service_of(path)
    if mount is None or service not in TYPES.get(mount, (mount,)) or len(path) > LONGEST_PATH:
        return False
    if verb.upper() != ("GET" if method == "HEAD" and verb.upper() == "GET" else method):
        return False
    inside = "/" + path.lstrip("/").partition("/")[2].rstrip("/")
    return _read(pattern.rstrip("/") or "/").fits(inside)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A pattern as an automaton without choices: bit ``n`` stands before part ``n`` of it.

    All places where a path may stand in the pattern are one number, and a character of the path moves
    them at once; so the time grows with the path alone, whatever a tenant wrote.
    """

    characters: dict[str, int]
    segments: int
    rests: int
    end: int

    def fits(self, path: str) -> bool:
        """Tell whether the pattern describes the whole path."""
        places = self._passed(1)
        for character in path:
            moved = (places & self.characters.get(character, 0)) << 1
            if character != "/":
                inside = places & self.segments
                moved |= inside | inside << 1
            places = self._passed(moved | places & self.rests)
            if not places:
                return False
        return bool(places & self.end)

    def _passed(self, places: int) -> int:
        """Add the places behind each ``**``, which may stand for nothing."""
        return places | (places & self.rests) << 1


@lru_cache(maxsize=1024)
def _read(pattern: str) -> _Pattern:
    parts = _PARTS.findall(re.sub(r"(?:\*\*){2,}", "**", pattern))
    characters: dict[str, int] = {}
    segments = rests = 0
    for number, part in enumerate(parts):
        place = 1 << number
        if part == "**":
            rests |= place
        elif part == "*" or len(part) > 1:
            segments |= place
        else:
            characters[part] = characters.get(part, 0) | place
    return _Pattern(characters, segments, rests, end=1 << len(parts))
