"""Graphs of what a guest or a host used: numbers in, lines of an SVG out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat

from compute.meter_objects import GuestMeters, Sample, Span

#: What one chooses from: the words, and seconds.
SPANS: Mapping[Span, tuple[str, int]] = {
    "hour": ("Last hour", 3600),
    "day": ("Last day", 86400),
}
#: Of a picture, in its own units.
WIDTH, HEIGHT = 600, 120
KIB = 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line: ``points`` of an SVG polyline, what it is now and was at most, in words."""

    name: str
    tone: str
    points: str
    now: str
    most: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A picture with one or two lines; ``top`` says what its upper edge is."""

    title: str
    icon: str
    top: str
    lines: Sequence[Line]


def span_of(word: str) -> Span:
    """Return which time a word of an address asks for."""
    return "day" if word == "day" else "hour"


def percent(share: float) -> str:
    """Return a share in words."""
    return f"{share * 100:.0f} %" if share == 0 or share >= 0.1 else f"{share * 100:.1f} %"


def size(amount: float) -> str:
    """Return bytes in words."""
    return filesizeformat(round(amount)).replace("\xa0", " ")


def a_second(amount: float) -> str:
    """Return bytes a second in words."""
    return f"{size(amount)}/s"


def graphs(meters: GuestMeters, *, since: float, until: float) -> Sequence[Graph]:
    """Return the graphs of the time between; empty where nothing is known of it."""
    samples = [one for one in meters.samples if since <= one.at <= until]
    if not samples:
        return ()
    memory = meters.memory * KIB

    def graph(
        title: str,
        icon: str,
        words: Callable[[float], str],
        *lines: tuple[str, str, Callable[[Sample], float]],
        top: float | None = None,
    ) -> Graph:
        most = max(value(one) for one in samples for _, _, value in lines)
        edge = top if top is not None else _round(most)
        drawn = [
            Line(
                name=name,
                tone=tone,
                points=_points(samples, value, since=since, until=until, edge=edge),
                now=words(value(samples[-1])),
                most=words(max(map(value, samples))),
            )
            for name, tone, value in lines
        ]
        return Graph(title, icon, words(edge), drawn)

    return (
        graph("Processors", "cpu", percent, ("Used", "info", lambda one: one.cpu), top=1.0),
        graph(
            "Memory", "memory", size,
            ("Used", "info", lambda one: one.memory * KIB), top=memory or None,
        ),
        graph(
            "Disks", "cylinder", a_second,
            ("Read", "info", lambda one: one.read), ("Written", "warning", lambda one: one.written),
        ),
        graph(
            "Network", "network", a_second,
            ("Received", "info", lambda one: one.received), ("Sent", "warning", lambda one: one.sent),
        ),
    )  # fmt: skip


def _points(
    samples: Sequence[Sample],
    value: Callable[[Sample], float],
    *,
    since: float,
    until: float,
    edge: float,
) -> str:
    return " ".join(
        f"{(one.at - since) / (until - since) * WIDTH:.1f},"
        f"{HEIGHT - min(value(one) / edge, 1.0) * HEIGHT:.1f}"
        for one in samples
    )


def _round(most: float) -> float:
    """Return the next power of two, at least a KiB: an edge that does not jump with every sample."""
    edge = float(KIB)
    while edge < most:
        edge *= 2
    return edge
