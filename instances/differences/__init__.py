"""What hosts and rows say differently about servers: guests, their cards and disks, their places."""

from instances.differences import cards, disks, guests, looking, places, rows

__all__ = ["cards", "disks", "guests", "looking", "places", "rows"]
