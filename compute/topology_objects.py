"""Processors and memory on the wire: what cells a host has, and where of these a guest lies."""

from __future__ import annotations

from cloudweb.objects import Part


class PagePool(Part):
    """Pages of memory that a cell of a host has; ``size`` in KiB."""

    size: int
    total: int


class NumaCell(Part):
    """A part of a host whose processors reach its memory (MiB) fastest, as libvirt numbers it.

    ``cpus`` counts its processors; of these ``shared`` are for guests that float, ``dedicated`` for those
    that are pinned. ``siblings`` are threads of one core. ``pages`` are pools of large pages.
    """

    id: int
    cpus: int
    ram: int
    shared: tuple[int, ...] = ()
    dedicated: tuple[int, ...] = ()
    siblings: tuple[tuple[int, ...], ...] = ()
    pages: tuple[PagePool, ...] = ()


class GuestCell(Part):
    """A cell of a guest: its own ``cpus``, and its memory (MiB), and the cell of the host that both lie in.

    ``pins`` has for each of the first of the cpus the processor it is kept on; the rest float on ``floats_on``.
    ``page_size`` in KiB, 0 is the host's smallest. ``siblings`` are cpus whose processors are threads of one core.
    """

    cpus: tuple[int, ...]
    ram: int
    host_cell: int
    pins: tuple[int, ...] = ()
    floats_on: tuple[int, ...] = ()
    page_size: int = 0
    siblings: tuple[tuple[int, ...], ...] = ()


class GuestProcessors(Part):
    """How the processors that a guest sees are arranged; their product is how many it has."""

    sockets: int
    cores: int
    threads: int
