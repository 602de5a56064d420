"""What is asked for when servers are created: what is wrong in itself is refused before anything is read."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cloudweb.exceptions import BadRequest, InvalidInput
from instances.build_request import BlockDeviceRequest, BuildRequest, NetworkRequest
from instances.conf import MAX_AT_ONCE, USER_DATA_LIMIT
from instances.injected_files import InjectedFile

DISK = BlockDeviceRequest(source_id="i1")
ANYWHERE, PORT = NetworkRequest(network_id="n1"), NetworkRequest(port_id="p1")
ADDRESS = NetworkRequest(network_id="n1", fixed_ip="10.0.0.5")


def wanted(**more: Any) -> BuildRequest:
    facts: dict[str, Any] = {"name": "vm", "flavor_id": "1", "block_devices": (DISK,)}
    return BuildRequest(**facts | more)


def refusal(**more: Any) -> str | None:
    try:
        wanted(**more)
    except BadRequest as error:
        return error.message
    return None


def invalid(field: str, reason: str) -> str:
    return InvalidInput(field=field, value=None, reason=reason).message


def test_what_is_wrong_in_itself() -> None:
    several = {"min_count": 2, "max_count": 2}
    cases: dict[str, dict[str, Any]] = {
        "one": {},
        "most": {"max_count": MAX_AT_ONCE},
        "many": {"max_count": MAX_AT_ONCE + 1},
        "none": {"max_count": 0},
        "less than least": {"min_count": 3, "max_count": 2},
        "no network": {"networks": ()},
        "two cards on one": {"networks": (ANYWHERE, ANYWHERE), **several},
        "neither network nor port": {"networks": (NetworkRequest(),)},
        "a port": {"networks": (PORT, ANYWHERE)},
        "a port twice": {"networks": (PORT, PORT)},
        "a port for several": {"networks": (PORT,), **several},
        "an address": {"networks": (ADDRESS, ADDRESS)},
        "an address for several": {"networks": (ADDRESS,), **several},
        "no disk": {"block_devices": ()},
        "two to boot from": {"block_devices": (DISK, DISK)},
        "user data": {"user_data": "eA=="},
        "user data that is no base64": {"user_data": "x y"},
        "user data that is too long": {"user_data": "x" * (USER_DATA_LIMIT + 1)},
    }
    boot = (
        "Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping"
        " combination is not valid."
    )
    assert {case: refusal(**more) for case, more in cases.items()} == {
        "one": None,
        "most": None,
        "many": "Invalid input for field/attribute max_count. Value: 1001. At most 1000.",
        "none": "min_count must be <= max_count",
        "less than least": "min_count must be <= max_count",
        "no network": None,
        "two cards on one": None,
        "neither network nor port": invalid("networks", "Each needs a uuid or a port."),
        "a port": None,
        "a port twice": "Port p1 is asked for twice.",
        "a port for several": "A port can be given to one server only.",
        "an address": None,
        "an address for several": "A fixed address can be given to one server only.",
        "no disk": boot,
        "two to boot from": boot,
        "user data": None,
        "user data that is no base64": invalid("user_data", "It must be base64."),
        "user data that is too long": invalid("user_data", "It is longer than 65535 bytes."),
    }


def test_it_does_not_change_and_tells_no_secret() -> None:
    file = InjectedFile.of_base64("/etc/motd", "c2VjcmV0LWZpbGU=\n")
    request = wanted(user_data="c2VjcmV0", admin_password="secret", injected_files=(file,))
    assert file.contents == b"secret-file"
    assert not [word for word in ("secret", "c2VjcmV0") if word in repr(request)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.name = "other"  # type: ignore[misc]
    with pytest.raises(BadRequest):
        dataclasses.replace(request, min_count=2)
