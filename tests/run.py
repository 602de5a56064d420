"""Run the whole suite: in parallel what may, then the machine itself, then PostgreSQL.

The last line is the sum of all parts, in pytest's own words. Arguments go to each pytest.
"""

from __future__ import annotations

import os
import re
import subprocess  # noqa: TID251  # the suite's own runner passes output through as it comes
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.infrastructure import private_postgresql  # noqa: E402

ALONE = "host or browser or openstack"
NOTHING_COLLECTED = 5
ORDER = ("failed", "errors", "passed", "skipped", "xfailed", "xpassed", "warnings")


def pytest(title: str, *arguments: str, environment: dict[str, str] | None = None) -> Counter[str]:
    """Run one part; return its counts. What went wrong without a count is one error."""
    print(f"\n== {title}", flush=True)
    command = [sys.executable, "-m", "pytest", "--color=no", "-q", *arguments, *sys.argv[1:]]
    counts: Counter[str] = Counter()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})},
    ) as running:  # fmt: skip
        for line in running.stdout or ():
            print(line, end="", flush=True)
            if re.search(r"\bin [\d.]+s", line):
                found = re.findall(
                    r"(\d+) (failed|error|passed|skipped|xfailed|xpassed|warning)", line
                )
                if found:
                    counts = Counter({_plural(word): int(number) for number, word in found})
    bad = counts["failed"] + counts["errors"]
    if running.returncode not in (0, NOTHING_COLLECTED) and not bad:
        counts["errors"] += 1
    return counts


def _plural(word: str) -> str:
    return f"{word}s" if word in ("error", "warning") else word


def main() -> int:
    """Run all parts; return 1 when anything failed."""
    started = time.monotonic()
    total = pytest(
        "Everything that runs side by side (SQLite)",
        "-n", "2", "--dist", "loadgroup", "-m", f"not ({ALONE} or postgresql)",
    )  # fmt: skip
    with private_postgresql() as url:
        total += pytest(
            "What depends on the database (PostgreSQL)",
            "-n", "2", "--dist", "loadgroup",
            "-m", f"not ({ALONE})",
            "tests/integration", "tests/contract/access/test_network.py",
            environment={"DATABASE_URL": url},
        )  # fmt: skip
    total += pytest("The machine, the real clients, the browser", "-p", "no:randomly", "-m", ALONE)
    if total["failed"] + total["errors"] == 0 and not total["passed"]:
        total["errors"] += 1
    text = ", ".join(f"{total[word]} {word}" for word in ORDER if total[word])
    print(f"\n===== {text} in {time.monotonic() - started:.2f}s =====")
    return 1 if total["failed"] + total["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
