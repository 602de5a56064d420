"""What goes wrong with address groups. Clients of the network API see the class names as error types."""

from __future__ import annotations

from collections.abc import Collection

from cloudweb.exceptions import BadRequest, Conflict, NotFound
from network.exceptions import Missing


class AddressGroupNotFound(Missing):
    """No such address group, or none the caller may see."""

    code = "address_group_not_found"
    noun = "Address group"


class AddressesNotFound(NotFound):
    """The group does not hold these addresses."""

    code = "addresses_not_found"

    def __init__(self, addresses: Collection[str], *, group_id: object) -> None:
        super().__init__(
            f"Addresses {', '.join(sorted(addresses)[:10])} not found in the address group {group_id}."
        )


class AddressesAlreadyExist(BadRequest):
    """The group holds these addresses already."""

    code = "addresses_already_exist"

    def __init__(self, addresses: Collection[str], *, group_id: object) -> None:
        super().__init__(
            f"Addresses {', '.join(sorted(addresses)[:10])} already exist in the "
            f"address group {group_id}."
        )


class AddressGroupInUse(Conflict):
    """Rules name the group."""

    code = "address_group_in_use"

    def __init__(self, group_id: object) -> None:
        super().__init__(f"Address group {group_id} is in use on one or more security group rules.")
