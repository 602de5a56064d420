"""The query of a server list (contract 3.1)."""

from __future__ import annotations

from datetime import datetime

from django.http import QueryDict

from cloudweb.addresses import canonical_address
from cloudweb.api.fields import parse_bool
from cloudweb.api.sorting import parse_sort
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.listing import SortKey
from cloudweb.microversions import ALWAYS, Microversion
from cloudweb.microversions.compute import STRICT, since
from cloudweb.patterns import Pattern
from cloudweb.times import parse_moment
from instances.conf import MAX_TAGS
from instances.manager.listing import Filters
from instances.states import vm_states_of

#: Keys a list understands or at least accepts; from 2.75 on any other is a 400.
QUERY = {
    "access_ip_v4": ALWAYS,
    "access_ip_v6": ALWAYS,
    "all_tenants": ALWAYS,
    "auto_disk_config": ALWAYS,
    "availability_zone": ALWAYS,
    "changes-before": since(66),
    "changes-since": ALWAYS,
    "config_drive": ALWAYS,
    "created_at": ALWAYS,
    "deleted": ALWAYS,
    "description": ALWAYS,
    "disk_config": ALWAYS,
    "display_description": ALWAYS,
    "display_name": ALWAYS,
    "flavor": ALWAYS,
    "host": ALWAYS,
    "hostname": ALWAYS,
    "image": ALWAYS,
    "ip": ALWAYS,
    "ip6": ALWAYS,
    "kernel_id": ALWAYS,
    "key_name": ALWAYS,
    "launch_index": ALWAYS,
    "launched_at": ALWAYS,
    "limit": ALWAYS,
    "locked": since(73),
    "marker": ALWAYS,
    "name": ALWAYS,
    "node": ALWAYS,
    "not-tags": since(26),
    "not-tags-any": since(26),
    "power_state": ALWAYS,
    "progress": ALWAYS,
    "project_id": ALWAYS,
    "ramdisk_id": ALWAYS,
    "reservation_id": ALWAYS,
    "root_device_name": ALWAYS,
    "soft_deleted": ALWAYS,
    "sort_dir": ALWAYS,
    "sort_key": ALWAYS,
    "status": ALWAYS,
    "tags": since(26),
    "tags-any": since(26),
    "task_state": ALWAYS,
    "tenant_id": ALWAYS,
    "terminated_at": ALWAYS,
    "user_id": ALWAYS,
    "uuid": ALWAYS,
    "vm_state": ALWAYS,
}
_OF_ADDRESSES = frozenset("0123456789abcdef.:")


def parse_filters(query: QueryDict, version: Microversion) -> Filters:
    """Return the filters a query asks for; raise BadRequest for what is wrong with them."""
    unknown = set(query) - QUERY.keys()
    if unknown and version in STRICT:
        raise BadRequest(
            f"Additional properties are not allowed ({sorted(unknown)[0][:64]!r} was unexpected)"
        )
    query = _heard(query, version)
    statuses = query.getlist("status")
    if version in since(38) and any(not vm_states_of(status) for status in statuses):
        raise BadRequest("Invalid status value")
    power = query.get("power_state")
    if power is not None and not (power.isascii() and power.isdigit()):
        raise BadRequest("Invalid filter 'power_state': it must be an integer.")
    begin = _time(query, "changes-since")
    end = _time(query, "changes-before")
    check_span(begin, end)
    return Filters(
        patterns=_patterns(query, version),
        statuses=statuses,
        vm_states=query.getlist("vm_state"),
        task_state=query.get("task_state"),
        power_state=int(power[:4]) if power else None,
        image_id=_last(query.get("image")),
        flavor_id=_last(query.get("flavor")),
        host=query.get("host") or query.get("node"),
        project_id=query.get("project_id") or query.get("tenant_id"),
        user_id=query.get("user_id"),
        key_name=query.get("key_name"),
        reservation_id=query.get("reservation_id"),
        zone=query.get("availability_zone"),
        addresses=_addresses(query, "ip", "ip6"),
        ids=query.getlist("uuid"),
        tags=_tags(query, "tags"),
        any_tags=_tags(query, "tags-any"),
        not_tags=_tags(query, "not-tags"),
        not_any_tags=_tags(query, "not-tags-any"),
        locked=parse_bool(query.get("locked"), field="locked"),
        changed_since=begin,
        changed_before=end,
        deleted=parse_bool(query.get("deleted"), field="deleted"),
        soft_deleted=bool(parse_bool(query.get("soft_deleted"), field="soft_deleted")),
        all_projects=_flag(query, "all_tenants"),
    )


def parse_order(query: QueryDict, version: Microversion) -> list[SortKey]:
    """Return what the query sorts by; raise BadRequest for what the version does not know."""
    keys = parse_sort(query, descending=True, fewer="default", default="created_at")
    if version not in since(73) and any(one.key == "locked" for one in keys):
        raise BadRequest("Sorting by locked needs version 2.73.")
    return keys


def _heard(query: QueryDict, version: Microversion) -> QueryDict:
    """Return what the query says in words that the version has; older ones overhear the rest."""
    unheard = [name for name in query if version not in QUERY.get(name, ALWAYS)]
    if not unheard:
        return query
    heard = query.copy()
    for name in unheard:
        del heard[name]
    return heard


def _flag(query: QueryDict, name: str) -> bool:
    if name not in query:
        return False
    return query.get(name) == "" or bool(parse_bool(query.get(name), field=name))


def _patterns(query: QueryDict, version: Microversion) -> dict[str, Pattern]:
    names = {"display_name": "name", "name": "name"}
    names |= {"hostname": "hostname"} if version in since(90) else {}
    return {
        column: Pattern(value, field=key)
        for key, column in names.items()
        if (value := query.get(key))
    }


def _tags(query: QueryDict, name: str) -> list[str]:
    """Return the tags that a comma joins."""
    value = query.get(name)
    if not value:
        return []
    tags = [*dict.fromkeys(value.split(","))]
    if len(tags) > MAX_TAGS:
        raise InvalidInput(field=name, value=value, reason=f"At most {MAX_TAGS} tags.")
    return tags


def _addresses(query: QueryDict, *names: str) -> list[Pattern]:
    """Return patterns that begin where an address does; in an address a dot means itself."""
    found = []
    for name in names:
        if text := query.get(name, "").removeprefix("^"):
            plain = text.replace("\\.", ".").lower()
            if set(plain) <= _OF_ADDRESSES:
                pattern = _canonical(plain).replace(".", r"\.")
            else:
                Pattern(text, field=name)  # it must be one on its own
                pattern = f"(?:{text})"
            found.append(Pattern(f"^{pattern}", field=name))
    return found


def _canonical(text: str) -> str:
    try:
        return canonical_address(text)
    except ValueError:
        return text


def _last(value: str | None) -> str | None:
    return value.rsplit("/", 1)[-1] if value else None


def _time(query: QueryDict, name: str) -> datetime | None:
    value = query.get(name)
    try:
        return parse_moment(value, field=name) if value is not None else None
    except InvalidInput as error:
        raise BadRequest(f"Invalid {name} value") from error


def check_span(begin: datetime | None, end: datetime | None) -> None:
    """Raise BadRequest for a span of changes that ends before it begins."""
    if begin is not None and end is not None and end < begin:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
