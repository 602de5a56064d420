"""The query of a server list (contract 3.1)."""

from __future__ import annotations

from datetime import datetime

from django.http import QueryDict

from cloudweb.addresses import canonical_address
from cloudweb.api.fields import parse_bool
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import STRICT, since
from cloudweb.patterns import Pattern
from cloudweb.times import parse_moment
from instances.api.serializers.server_bodies import MAX_TAGS
from instances.manager.listing import Filters
from instances.states import vm_states_of

#: Keys a list understands or at least accepts; from 2.75 on any other is a 400.
KNOWN = frozenset(
    {
        "access_ip_v4",
        "access_ip_v6",
        "all_tenants",
        "auto_disk_config",
        "availability_zone",
        "changes-before",
        "changes-since",
        "config_drive",
        "created_at",
        "deleted",
        "description",
        "disk_config",
        "display_description",
        "display_name",
        "flavor",
        "host",
        "hostname",
        "image",
        "ip",
        "ip6",
        "kernel_id",
        "key_name",
        "launch_index",
        "launched_at",
        "limit",
        "locked",
        "marker",
        "name",
        "node",
        "not-tags",
        "not-tags-any",
        "power_state",
        "progress",
        "project_id",
        "ramdisk_id",
        "reservation_id",
        "root_device_name",
        "soft_deleted",
        "sort_dir",
        "sort_key",
        "status",
        "tags",
        "tags-any",
        "task_state",
        "tenant_id",
        "terminated_at",
        "user_id",
        "uuid",
        "vm_state",
    }
)
_OF_ADDRESSES = frozenset("0123456789abcdef.:")


def parse_filters(query: QueryDict, version: Microversion) -> Filters:
    """Return the filters a query asks for; raise BadRequest for what is wrong with them."""
    unknown = set(query) - KNOWN
    if unknown and version in STRICT:
        raise BadRequest(
            f"Additional properties are not allowed ({sorted(unknown)[0][:64]!r} was unexpected)"
        )
    statuses = query.getlist("status")
    if version in since(38) and any(not vm_states_of(status) for status in statuses):
        raise BadRequest("Invalid status value")
    power = query.get("power_state")
    if power is not None and not (power.isascii() and power.isdigit()):
        raise BadRequest("Invalid filter 'power_state': it must be an integer.")
    begin = _time(query, "changes-since")
    end = _time(query, "changes-before") if version in since(66) else None
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
        tags=_tags(query, "tags", version),
        any_tags=_tags(query, "tags-any", version),
        not_tags=_tags(query, "not-tags", version),
        not_any_tags=_tags(query, "not-tags-any", version),
        locked=parse_bool(query.get("locked"), field="locked") if version in since(73) else None,
        changed_since=begin,
        changed_before=end,
        deleted=parse_bool(query.get("deleted"), field="deleted"),
        all_projects=_flag(query, "all_tenants"),
    )


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


def _tags(query: QueryDict, name: str, version: Microversion) -> list[str]:
    """Return the tags that a comma joins; from 2.26."""
    value = query.get(name)
    if not value or version not in since(26):
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
