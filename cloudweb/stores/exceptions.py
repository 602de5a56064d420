"""What goes wrong with a store: no room, or no answer."""

from __future__ import annotations

from cloudweb.exceptions import CloudwebError, ServiceUnavailable


class StoreFull(CloudwebError):
    """The store has no room; the operator must make some."""

    status = 507
    code = "image_store_full"
    default_message = "The image store has no room left; ask the operator."


class StoreUnavailable(ServiceUnavailable):
    """A store does not answer, or refuses us; the detail says how."""

    code = "image_store_unavailable"
    default_message = "The image store is unavailable for now."
