"""What can go wrong with shelves."""

from __future__ import annotations

from cloudweb.exceptions import Conflict, NotFound


class ShelfNotFound(NotFound):
    """No such shelf, or none this caller may see."""

    code = "shelf_not_found"

    def __init__(self, shelf_id: object) -> None:
        super().__init__(f"Shelf {str(shelf_id)[:80]} could not be found.")


class ShelfBusy(Conflict):
    """It is being built."""

    code = "shelf_busy"
    default_message = "The shelf is being built."
