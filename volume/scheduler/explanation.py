"""Why no pool fits, in words: one aggregate for the counts, one short list for operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Max, Q, Value, When

from cloudweb.placing import listed, together
from volume.exceptions import NoValidPool
from volume.models import Pool
from volume.scheduler.filters import Filter, conditions
from volume.scheduler.request import PoolRequest

#: How many pools an explanation names to operators.
NAMED = 50
BEGINNING = "No valid pool was found."
JUST_NOW = "Other volumes took the last room at the same moment."


def explain(request: PoolRequest) -> NoValidPool:
    """Return the error that tells why this request fits nowhere; its detail names the pools."""
    found = conditions(request)
    facts = _facts(found)
    total = facts["pools"]
    if not total:
        return NoValidPool(f"{BEGINNING} This cloud has no pool for volumes yet.")
    reasons, left = [], total
    for index, (item, _) in enumerate(found):
        passed = facts[f"passed_{index}"]
        if passed < left:
            reasons.append(_words(item, request, left - passed, facts["most"]))
        left = passed
    pools = "1 pool" if total == 1 else f"{total:,} pools"
    why = f"Of {pools}, {listed(reasons)}." if reasons else JUST_NOW
    return NoValidPool(f"{BEGINNING} {why}", detail=f"{why} {_by_pool(request, found)}")


def _words(item: Filter, request: PoolRequest, count: int, most: float | None) -> str:
    text = f"{count:,} {item.sentence(request, count)}"
    if item.name != "room":
        return text
    return f"{text} ({request.size:,} GiB wanted, at most {max(0, int(most or 0)):,} GiB left)"


def _facts(found: Sequence[tuple[Filter, Q]]) -> dict[str, Any]:
    """Return, by one statement, how many pools pass each filter and those before it."""
    others = together([one for one in found if one[0].name != "room"])
    wanted: dict[str, Any] = {"pools": Count("pk"), "most": Max("left", filter=others)}
    for index in range(len(found)):
        wanted[f"passed_{index}"] = Count("pk", filter=together(found[: index + 1]))
    return Pool.objects.with_room().annotate(left=F("room")).aggregate(**wanted)


def _by_pool(request: PoolRequest, found: Sequence[tuple[Filter, Q]]) -> str:
    """Return the pools that miss fewest filters with what each misses, for operators."""
    passes = {
        f"passes_{item.name}": Case(
            When(condition, then=Value(1)), default=Value(0), output_field=IntegerField()
        )
        for item, condition in found
    }
    score: Any = sum(passes.values(), start=Value(0))
    rows = Pool.objects.with_room().annotate(**passes, score=score).order_by("-score", "host")
    lines = []
    for pool in rows[:NAMED]:
        missed = [
            _detail(item, request, pool)
            for item, _ in found
            if not getattr(pool, f"passes_{item.name}")
        ]
        lines.append(f"{pool.full_name}: {', '.join(missed) or 'fits now'}")
    return f"By pool: {'; '.join(lines)}."


def _detail(item: Filter, request: PoolRequest, pool: Pool) -> str:
    said = {"enabled": pool.disabled_reason, "sound": pool.problem}.get(item.name)
    text = item.sentence(request, 1)
    return f"{text} ({said})" if said else text
