"""A host with one agent of toys, whose words a test keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloudweb.agent import Agent, Function
from cloudweb.driver import DriverError, Work
from cloudweb.host import HostRuntime
from cloudweb.keeping import write_private
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from cloudweb.shares import Pool
from cloudweb.signing import OrderSigner, check_mac

KEY = "k" * 64
SIGNER = OrderSigner(Ed25519PrivateKey.generate())


class Toy(VersionedObject):
    VERSION = "1.0"
    name: str = "ball"


PLAY = Method("compute.play", Toy, Toy)
DROP = Method("compute.drop", Toy, urgent=True)
NAP = Method("compute.nap", Toy, patient=True)
ASK = Method("compute.ask", Toy, Toy, query=True)


class OnTheSpot:
    """Runs a job at once."""

    def submit(self, job: Callable[..., Any], /, *args: Any) -> None:
        job(*args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass


class Later(OnTheSpot):
    """Keeps jobs until a test runs them."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], Any]] = []

    def submit(self, job: Callable[..., Any], /, *args: Any) -> None:
        self.jobs.append(lambda: job(*args))

    def run(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()


class Toys(Agent):
    """An agent whose play does what a test says."""

    def __init__(self) -> None:
        self.played: list[str] = []
        self.does: Callable[[Work], Any] = lambda work: None

    def methods(self) -> Mapping[Method[Any], Function]:
        return {PLAY: self.play, DROP: self.drop, NAP: self.nap, ASK: self.ask}

    def play(self, toy: Toy, work: Work) -> Toy:
        self.played.append(toy.name)
        self.does(work)
        return toy

    def nap(self, toy: Toy, work: Work) -> None:
        while True:  # a guest that does not listen
            work.checkpoint()
            threading.Event().wait(0.01)

    def drop(self, toy: Toy, work: Work) -> None:
        self.played.append(f"drop {toy.name}")

    def ask(self, toy: Toy) -> Toy:
        if toy.name == "lost":
            raise DriverError("It is lost.")
        return toy


class Stage:
    """A host whose words are kept."""

    def __init__(self, directory: Path, pool: Pool | None = None) -> None:
        place = directory / "credentials"
        if not place.exists():
            place.mkdir(parents=True)
            write_private(place / "host.key", KEY)
            write_private(place / "orders.pub", SIGNER.public_pem().decode())
        self.said: list[dict[str, Any]] = []
        self.toys, pool = Toys(), pool or OnTheSpot()
        self.host = HostRuntime("h1", directory, {"compute": self.toys}, send=self._hear, pool=pool)

    def _hear(self, message: dict[str, Any]) -> bool:
        if isinstance(self.host.shares._pool, OnTheSpot):
            assert not self.locks_held()  # nothing is sent under a lock (OPERATIONS 50)
        self.said.append(check_mac(KEY.encode(), message))
        return True

    def locks_held(self) -> bool:
        """Tell whether this thread holds the book's lock, or anybody the runtime's."""
        others = (self.host._lock, self.host.shares._lock, self.host.reporter._lock)
        return self.host.book.mutex()._is_owned() or any(one.locked() for one in others)  # type: ignore[attr-defined]

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [one["body"]["data"]["step"] for one in self.said if one["kind"] == "reply"]

    def order(self, **overrides: Any) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "method": "compute.play",
            "op": "op1",
            "seq": 1,
            "direction": "do",
            "attempt": 1,
            "epoch": 5,
            "scope": "compute:box",
            "payload": Toy(name=overrides.pop("name", "ball")).dump(),
        }
        topic = overrides.pop("topic", "compute.h1")
        if "call" in overrides:
            facts = {name: facts[name] for name in ("method", "scope", "payload")}
        return SIGNER.sign(facts | overrides, topic=topic)

    def give(self, **overrides: Any) -> list[dict[str, Any]]:
        """Give an order; return what was replied to it."""
        before = len(self.replies)
        self.host.receive(self.order(**overrides))
        return self.replies[before:]


def outcome(replies: list[dict[str, Any]]) -> list[str]:
    return [one["outcome"] for one in replies]
