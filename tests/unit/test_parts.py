"""The suite's runner: what parts counted, what was slow, which part took too long."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests import parts
from tests.parts import Part, Result, Running
from tests.run import PRODUCT, STAGES, TODAY, slowest, times, wanted

SAID = """..F
============================= slowest 30 durations =============================
2.50s call     tests/a/test_b.py::test_c[a case with blanks]
0.75s setup    tests/a/test_b.py::test_d

(3 durations < 0.5s hidden.  Use -vv to show these durations.)
FAILED tests/a/test_b.py::test_c - assert 1 == 2
1 failed, 2 passed, 3 skipped, 1 warning in 4.20s
"""


def read(text: str) -> tuple[Result, str]:
    result = Result()
    return result, "".join(one for one in text.splitlines(keepends=True) if result.read(one))


def test_a_part_is_read_and_what_was_slow_is_told_once_for_all() -> None:
    result, shown = read(SAID)
    assert result.counts == {"failed": 1, "passed": 2, "skipped": 3, "warnings": 1}
    assert [line.partition("s ")[0] for line in result.slow] == ["2.50", "0.75"]
    assert "slowest" not in shown
    assert "FAILED tests/a/test_b.py::test_c" in shown


def test_a_part_that_died_or_found_nothing() -> None:
    ends = {code: Result() for code in (0, 1, 5, -9)}
    for code, result in ends.items():
        result.ended(code)
    assert {code: result.counts["errors"] for code, result in ends.items()} == {
        0: 0, 1: 1, 5: 0, -9: 1,
    }  # fmt: skip
    failed, _ = read("1 failed in 0.01s\n")
    failed.ended(1)
    assert failed.counts == {"failed": 1}


def test_the_part_that_broke_its_budget_is_named() -> None:
    quick = (
        Part("quick", "quick", "", budget=10),
        Result(seconds=9.0, slow=["1.00s call     a", "9s call b"]),
    )
    late = Part("late", "late", "", budget=10), Result(seconds=25.0, slow=["4.00s call     c"])
    lines = times([quick, late], 34.0)
    assert [line for line in lines if "OVER" in line] == [lines[1]]
    assert "late" in lines[1]
    assert "by 15 s" in lines[1]
    assert "OVER" in times([], TODAY + 1.0)[0]
    assert slowest([quick, late]) == ["9s call b", "4.00s call     c", "1.00s call     a"]


def test_the_budgets_fit_into_that_of_today() -> None:
    """A stage takes as long as its longest lane."""
    stages = [max(sum(part.budget for part in lane) for lane in stage) for stage in STAGES]
    assert sum(stages) <= TODAY < PRODUCT


def test_parts_are_selected_by_name_and_the_rest_is_pytests() -> None:
    stages, arguments = wanted(["operations", "-x", "host"])
    names = [part.name for stage in stages for lane in stage for part in lane]
    assert (names, arguments) == (["operations", "host"], ["-x"])
    stages, arguments = wanted(["-k", "operation"])
    assert [len(stage) for stage in stages] == [len(stage) for stage in STAGES]
    assert all(lane for stage in stages for lane in stage)
    assert arguments == ["-k", "operation"]


def test_modules_are_compiled_once_for_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where images of containers say otherwise each of hundreds of processes took seconds to read its modules."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("DATABASE_URL", "kept")
    found = parts.environment()
    assert "PYTHONDONTWRITEBYTECODE" not in found
    assert found["DATABASE_URL"] == "kept"


def test_lanes_run_beside_each_other_and_are_printed_in_turn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first waits for what the second makes: only beside each other do they end."""
    met = tmp_path / "met"
    (tmp_path / "test_waits.py").write_text(
        "import pathlib, time\n"
        "def test_waits():\n"
        f"    met, end = pathlib.Path({str(met)!r}), time.monotonic() + 60\n"
        "    while not met.exists() and time.monotonic() < end:\n"
        "        time.sleep(0.05)\n"
        "    assert met.exists()\n"
    )
    (tmp_path / "test_makes.py").write_text(
        f"import pathlib\ndef test_makes():\n    pathlib.Path({str(met)!r}).touch()\n    assert 0\n"
    )
    monkeypatch.setattr(parts, "ROOT", tmp_path)
    options = (
        "-p",
        "no:cacheprovider",
        "-p",
        "no:django",
        "-c",
        "/dev/null",
        "--rootdir",
        str(tmp_path),
    )
    lanes = [
        Running(
            [Part(name, f"Part {name}", "", 60, options, paths=(f"test_{name}.py",))], arguments=()
        )
        for name in ("waits", "makes")
    ]
    results = [one for lane in lanes for one in lane.results()]
    counts = [result.counts for _, result in results]
    assert counts == [Counter(passed=1), Counter(failed=1)]
    said = capsys.readouterr().out
    places = [said.index(one) for one in ("== Part waits", "1 passed", "== Part makes", "1 failed")]
    assert places == sorted(places)
