"""In which order a list comes: ``sort_key`` and ``sort_dir``, repeated, or ``sort=key:dir,key``."""

from __future__ import annotations

from django.http import QueryDict

from cloudweb.dialect import Fewer
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.listing import SortKey


def parse_sort(
    query: QueryDict, *, descending: bool, fewer: Fewer, default: str = ""
) -> list[SortKey]:
    """Return what the query sorts by; ``descending`` where it does not say, ``default`` the key alone.

    Raises BadRequest for both spellings at once and for numbers that do not match, InvalidInput for
    a direction that is none.
    """
    if "sort" in query:
        if "sort_key" in query or "sort_dir" in query:
            raise BadRequest("The query has both sort and sort_key or sort_dir.")
        parts = [part.strip().partition(":") for part in str(query["sort"]).split(",")]
        return [SortKey(key, _descends(word, descending, "sort")) for key, _, word in parts]
    keys, words = query.getlist("sort_key"), query.getlist("sort_dir")
    if not keys and default:
        keys = [default]
    if words and len(words) != len(keys):
        words = _stretched(words, len(keys), fewer)
    places = [*words, *[""] * len(keys)][: len(keys)]
    return [
        SortKey(key, _descends(word, descending, "sort_dir"))
        for key, word in zip(keys, places, strict=True)
    ]


def _stretched(words: list[str], keys: int, fewer: Fewer) -> list[str]:
    if fewer == "repeated" and len(words) == 1:
        return words * keys
    if fewer != "default":
        raise BadRequest("The number of sort_keys and sort_dirs must be same.")
    for word in words[keys:]:
        _descends(word, False, "sort_dir")
    return words


def _descends(word: str, otherwise: bool, field: str) -> bool:
    if word not in ("", "asc", "desc"):
        raise InvalidInput(field=field, value=word, reason="Value must be asc or desc.")
    return word == "desc" if word else otherwise
