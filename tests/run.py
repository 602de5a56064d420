"""Run the whole suite: in parallel what computes, then beside each other what computes and what waits.

The last line is the sum of all parts, in pytest's own words. An argument that is a part's name selects
it (``tests/run.py operations``); all others go to each pytest.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.kept import PLACE  # noqa: E402
from tests.parts import ORDER, SLOWEST, Part, Result, Running, marks_of  # noqa: E402

ALONE = "host or browser or openstack"
#: What the whole product may take on two cores, and what it may take with what exists today: seconds.
PRODUCT, TODAY = 60 * 60, 56 * 60
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadgroup")
IN_ORDER = ("-p", "no:randomly")


def holding(*words: str) -> tuple[str, ...]:
    """Return the files of tests in which one of these words stands: nothing else need be collected."""
    wanted = re.compile("|".join(map(re.escape, words)))
    return tuple(
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if wanted.search(path.read_text())
    )


def placed(mark: str) -> tuple[str, ...]:
    """Return the files of tests that have this mark by where they are."""
    paths = (path.relative_to(ROOT) for path in sorted((ROOT / "tests").rglob("test_*.py")))
    return tuple(str(path) for path in paths if mark in marks_of(path))


#: A budget of its own: whoever works on the engine runs this part again and again.
OPERATIONS = Part(
    "operations", "Operations and the drills of all sagas (SQLite)",
    f"operations and not ({ALONE} or postgresql)", budget=330,
    options=SIDE_BY_SIDE, paths=placed("operations"),
)  # fmt: skip
SQLITE = Part(
    "sqlite", "Everything else that runs side by side (SQLite)",
    f"not ({ALONE} or postgresql or operations)", budget=690, options=SIDE_BY_SIDE,
)  # fmt: skip
POSTGRESQL = Part(
    "postgresql", "What depends on the database (PostgreSQL)",
    f"(both_databases or postgresql) and not ({ALONE})", budget=205,
    options=SIDE_BY_SIDE,
    paths=holding("mark.both_databases", "postgresql_url"), postgresql=True,
)  # fmt: skip
CLIENTS = Part(
    "clients", "The real clients", "openstack and not (host or browser)", budget=340,
    options=IN_ORDER, paths=holding("mark.openstack"),
)  # fmt: skip
#: Serial: there is one kernel, and guests without KVM take a core each; they wait often, and clients need a core.
HOST = Part(
    "host", "The machine", "host", budget=1930,
    options=IN_ORDER, paths=("tests/host", *holding("mark.host")),
)  # fmt: skip
#: Nothing beside it: a page that is late is a failure.
BROWSER = Part(
    "browser", "The browser", "browser and not host", budget=205,
    options=IN_ORDER, paths=("tests/browser",),
)  # fmt: skip
#: One stage after the other; the lanes of a stage beside each other, on a machine with cores to spare for them.
STAGES = (
    ((OPERATIONS,),),
    ((SQLITE,),),
    ((POSTGRESQL,),),
    ((HOST,), (CLIENTS,)),
    ((BROWSER,),),
)


def wanted(arguments: Sequence[str]) -> tuple[list[list[list[Part]]], list[str]]:
    """Return the stages with the parts that are named, or with all, and what is pytest's to read."""
    known = {part.name for stage in STAGES for lane in stage for part in lane}
    named = known.intersection(arguments) or known
    stages = [[[p for p in lane if p.name in named] for lane in stage] for stage in STAGES]
    return stages, [one for one in arguments if one not in known]


def run(stage: Sequence[Sequence[Part]], arguments: Sequence[str]) -> list[tuple[Part, Result]]:
    """Run the lanes of a stage beside each other, and print them in turn."""
    found = []
    with ExitStack() as stack:
        lanes = [Running(lane, arguments=arguments) for lane in stage]
        for one in lanes:
            stack.callback(one.stop)
        for one in lanes:
            found += one.results()
    return found


def slowest(results: Sequence[tuple[Part, Result]]) -> list[str]:
    """Return what took longest in all parts."""
    lines = [line for _, result in results for line in result.slow]
    return sorted(lines, key=lambda line: -float(line.partition("s ")[0]))[:SLOWEST]


def times(results: Sequence[tuple[Part, Result]], whole: float) -> list[str]:
    """Return how long each part took, and loudly which one broke its budget."""
    said = [(part.title, result.seconds, part.budget) for part, result in results]
    lines = []
    for title, seconds, budget in [*said, ("All of it", whole, TODAY)]:
        over = f"  !!! OVER ITS BUDGET by {seconds - budget:.0f} s" if seconds > budget else ""
        lines.append(f"{seconds:7.0f} s of {budget:5} s  {title}{over}")
    lines.append(f"The whole product may take {PRODUCT} s.")
    return lines


def main() -> int:
    """Run all parts; return 1 when anything failed. A budget that was broken is said, no failure."""
    started = time.monotonic()
    stages, arguments = wanted(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="cw-kept-", dir="/tmp") as kept:
        os.environ[PLACE] = kept
        results = [one for stage in stages for one in run(stage, arguments)]
    whole = time.monotonic() - started
    total = sum((result.counts for _, result in results), Counter[str]())
    print(f"\n== The slowest {SLOWEST}", *slowest(results), sep="\n")
    print("\n== Time", *times(results, whole), sep="\n")
    if total["failed"] + total["errors"] == 0 and not total["passed"]:
        total["errors"] += 1
    text = ", ".join(f"{total[word]} {word}" for word in ORDER if total[word])
    print(f"\n===== {text} in {whole:.2f}s =====")
    return 1 if total["failed"] + total["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
