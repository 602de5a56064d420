"""Where everything stands in the picture of a project's network. Pure: things in, places out.

From left to right: what leads outside, routers, networks with their servers. Each network is a lane
of its own, as high as its servers need; those that are too many are one node that leads to the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: Columns: where each begins, and how wide its nodes are.
OUTSIDE, ROUTER, NETWORK, SERVER = (0, 138), (186, 138), (384, 156), (560, 168)
ACROSS, GAP, HEIGHT, LANE_GAP, PAD = 3, 10, 46, 18, 10
WIDTH = SERVER[0] + ACROSS * SERVER[1] + (ACROSS - 1) * GAP + PAD
#: So many servers are shown in all, and at least so many of each network.
MOST, LEAST = 60, 5
ICONS = {
    "outside": "world",
    "router": "router",
    "network": "network",
    "server": "server-2",
    "more": "dots-vertical",
}
#: Letters that fit into a node.
LETTERS = 16


@dataclass(frozen=True, slots=True)
class Thing:
    """What is shown: ``joins`` are the keys of what it is connected to, nearest to the outside first.

    ``line`` stands below its name, ``told`` is all there is to say of it; ``lit``: its line is what
    the outside knows it by.
    """

    key: str
    kind: str
    name: str
    url: str
    line: str = ""
    told: str = ""
    tone: str = "neutral"
    joins: tuple[str, ...] = ()
    lit: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A thing at its place."""

    thing: Thing
    x: int
    y: int
    width: int
    height: int = HEIGHT

    @property
    def icon(self) -> str:
        """What its kind looks like."""
        return ICONS[self.thing.kind]

    @property
    def name(self) -> str:
        """The name as far as it fits."""
        return _fit(self.thing.name, LETTERS)

    @property
    def line(self) -> str:
        """The line below as far as it fits; its letters are smaller."""
        return _fit(self.thing.line, LETTERS + 5)

    @property
    def middle(self) -> int:
        """How far down its middle is."""
        return self.y + self.height // 2


@dataclass(frozen=True, slots=True)
class Lane:
    """A network with its servers."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Link:
    """A connection of two nodes."""

    key: str
    path: str


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it, in the order in which one goes through it by keyboard."""

    width: int
    height: int
    nodes: Sequence[Node]
    links: Sequence[Link]
    lanes: Sequence[Lane]


@dataclass(frozen=True, slots=True)
class Topology:
    """What there is to show. A server's first network is the one it stands in."""

    outside: Sequence[Thing] = ()
    routers: Sequence[Thing] = ()
    networks: Sequence[Thing] = ()
    servers: Sequence[Thing] = ()


def picture_of(found: Topology, *, more_url: str) -> Picture:
    """Give everything its place; ``more_url`` is where servers that are not shown are found."""
    order = {router.key: at for at, router in enumerate(found.routers)}
    networks = sorted(found.networks, key=lambda one: _first(one.joins, order))
    homes = _homes(networks, found.servers)
    shown = _share([len(servers) for servers in homes.values()])
    lanes, nodes, y = [], [], 0
    for network in networks:
        servers = _fold(network, homes[network.key], shown, more_url)
        rows = -(-len(servers) // ACROSS) or 1
        height = rows * (HEIGHT + GAP) - GAP + 2 * PAD
        lanes.append(Lane(NETWORK[0] - PAD, y, WIDTH - NETWORK[0] + PAD, height))
        top = y + (height - HEIGHT) // 2 if rows < 3 else y + PAD
        nodes.append(Node(network, NETWORK[0], top, NETWORK[1]))
        nodes += [
            Node(
                server,
                SERVER[0] + at % ACROSS * (SERVER[1] + GAP),
                y + PAD + at // ACROSS * (HEIGHT + GAP),
                SERVER[1],
            )
            for at, server in enumerate(servers)
        ]
        y += height + LANE_GAP
    placed = {node.thing.key: node for node in nodes}
    routers = _beside(found.routers, _joined(networks, placed), ROUTER)
    placed |= {node.thing.key: node for node in routers}
    outside = _beside(found.outside, _joined([*found.routers, *networks], placed), OUTSIDE)
    placed |= {node.thing.key: node for node in outside}
    bottom = max((node.y + node.height for node in placed.values()), default=0)
    return Picture(
        WIDTH,
        max(bottom, y - LANE_GAP, HEIGHT),
        [*outside, *routers, *nodes],
        [*_links([*found.routers, *networks], placed)],
        lanes,
    )


def _homes(networks: Sequence[Thing], servers: Sequence[Thing]) -> Mapping[str, Sequence[Thing]]:
    """Return the servers of each network, those in trouble first, then by name."""
    homes: dict[str, list[Thing]] = {network.key: [] for network in networks}
    for server in sorted(servers, key=lambda one: (one.tone != "danger", one.name, one.key)):
        home = next((key for key in server.joins if key in homes), None)
        if home is not None:
            homes[home].append(server)
    return homes


def _share(numbers: Sequence[int]) -> int:
    """Return how many servers of each network are shown, so that there are not too many in all."""
    fits = (most for most in range(LEAST, MOST) if sum(min(most + 1, n) for n in numbers) > MOST)
    return next(fits, MOST)


def _fold(network: Thing, servers: Sequence[Thing], most: int, more_url: str) -> Sequence[Thing]:
    """Return as many servers as are shown; one node stands for the rest."""
    if len(servers) <= most:
        return servers
    rest = len(servers) - most + 1
    more = Thing(
        f"more-{network.key}", "more", f"{rest} more", more_url, "all servers",
        f"{rest} more servers on {network.name}",
    )  # fmt: skip
    return [*servers[: most - 1], more]


def _joined(things: Iterable[Thing], placed: Mapping[str, Node]) -> Mapping[str, Sequence[int]]:
    """Return how far down those are that join each key."""
    found: dict[str, list[int]] = {}
    for thing in things:
        for key in thing.joins:
            if thing.key in placed:
                found.setdefault(key, []).append(placed[thing.key].middle)
    return found


def _beside(
    things: Sequence[Thing], middles: Mapping[str, Sequence[int]], column: tuple[int, int]
) -> Sequence[Node]:
    """Put things into a column, each beside the first of what joins it, or as near as may be."""

    def wanted(thing: Thing) -> tuple[bool, int]:
        found = middles.get(thing.key, ())
        return not found, min(found, default=0)

    nodes, free = [], 0
    for thing in sorted(things, key=wanted):
        alone, middle = wanted(thing)
        y = free if alone else max(free, middle - HEIGHT // 2)
        nodes.append(Node(thing, column[0], y, column[1]))
        free = y + HEIGHT + GAP
    return nodes


def _links(things: Iterable[Thing], placed: Mapping[str, Node]) -> Iterable[Link]:
    for thing in things:
        for key in thing.joins:
            left, right = placed.get(key), placed.get(thing.key)
            if left is None or right is None:
                continue
            from_x, to_x = left.x + left.width, right.x
            bend = (from_x + to_x) // 2
            yield Link(
                f"{key}-{thing.key}",
                f"M{from_x} {left.middle}C{bend} {left.middle} {bend} {right.middle} "
                f"{to_x} {right.middle}",
            )


def _first(joins: Sequence[str], order: Mapping[str, int]) -> int:
    return min((order[key] for key in joins if key in order), default=len(order))


def _fit(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"
