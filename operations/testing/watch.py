"""Who watches every kill point of one saga, and makes trouble at some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from cloudweb.killpoints import WHOLE, Place
from operations.models import Debt, Operation
from operations.saga import Saga
from operations.starting import PARTS, ROUND
from operations.testing.left import Left

HOST = ("record", "effect", "outcome", "reply")
CALLER = ("start",)


class Death(BaseException):
    """A process dies here. Nothing that handles errors may see it: SIGKILL is not handled either."""

    def __init__(
        self, moment: Moment, place: Place, *, all_die: bool = False, stays_away: bool = False
    ) -> None:
        super().__init__(str(moment))
        self.moment, self.place = moment, place
        self.all_die, self.stays_away = all_die, stays_away


@dataclass(frozen=True, slots=True)
class Moment:
    """A point, for a step in a direction, passed for the ``nth`` time; ``index`` -1: before any step.

    ``left`` is what is left by whoever dies there, if somebody looked.
    """

    point: str
    direction: str
    index: int
    nth: int = 1
    left: Left | None = field(default=None, compare=False)

    @property
    def victim(self) -> str:
        """Whose code stands at the point: ``host``, ``caller`` or ``control``."""
        part = self.point.partition(".")[0]
        return "host" if part in HOST else "caller" if part in CALLER else "control"

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is open there."""
        return self.point.endswith("before_commit") or self.point in ("claim.before", "step.before")


Act = Callable[[Moment, Place], None]


@dataclass
class Trouble:
    """What happens at a moment, ``times`` times (-1: whenever the point is passed for that step)."""

    moment: Moment
    act: Act
    times: int = 1
    fired: int = field(default=0, init=False)

    def meet(self, moment: Moment, place: Place) -> None:
        """Act if this is the moment."""
        wanted, mine = self.moment, (moment.point, moment.direction, moment.index)
        if mine != (wanted.point, wanted.direction, wanted.index) or moment.nth < wanted.nth:
            return
        if self.times < 0 or self.fired < self.times:
            self.fired += 1
            self.act(moment, place)


class Watch:
    """Notes each moment of the first operation of a saga that starts while it watches."""

    def __init__(
        self,
        saga: type[Saga],
        troubles: Sequence[Trouble] = (),
        look: Callable[[str], Left] | None = None,
    ) -> None:
        self.saga, self.troubles, self._look = saga, troubles, look
        self.seen: list[Moment] = []
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._before = set(Operation.objects.values_list("id", flat=True))
        self._first = ""
        self._others: set[str] = set()

    def operations(self) -> QuerySet[Operation]:
        """Return the saga's operations that started since."""
        return Operation.objects.filter(kind=self.saga.kind).exclude(id__in=self._before)

    def __call__(self, point: str, place: Place) -> None:
        """Note the moment and let the troubles happen."""
        where = self._where(place)
        if where is None:
            return
        key = (point, *where)
        self._counts[key] += 1
        left = None if self._look is None else self._look(point)
        moment = Moment(*key, nth=self._counts[key], left=left)
        self.seen.append(moment)
        for trouble in self.troubles:
            trouble.meet(moment, place)

    def _where(self, place: Place) -> tuple[str, int] | None:
        operation_id, seq, direction = place
        if direction == "debt":
            found: Any = Debt.objects.filter(id=operation_id).values_list("operation_id", flat=True)
            operation_id = str(found.first())
        if not self._is_ours(operation_id):
            return None
        if seq == WHOLE:
            row = Operation.objects.filter(id=operation_id)
            towards, cursor, epoch = row.values_list("direction", "cursor", "epoch").get()
            return towards, cursor if epoch else -1
        return direction, seq % ROUND // PARTS

    def _is_ours(self, operation_id: str) -> bool:
        if not self._first and operation_id not in self._others:
            if self.operations().filter(id=operation_id).exists():
                self._first = operation_id
            else:
                self._others.add(operation_id)
        return operation_id == self._first
