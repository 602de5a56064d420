"""Consoles of a host's guests for those who look at them from elsewhere.

``desk`` lets in who has a ticket, on a Unix socket and, where the host has an address, by TLS; ``hub`` is the
one reader of a guest's serial line, and gives what it reads to all who look.
"""

from compute.consoles.desk import ConsoleDesk

__all__ = ["ConsoleDesk"]
