"""Access rules say what they say, in time that grows with the path alone."""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from identity.access_rules import LONGEST_PATH, allows

HOSTILE = (
    "/**a" * 60 + "/b",
    "/" + "*a" * 120 + "b",
    "/" + "{x}" * 80 + "b",
    "/" + "**" * 120 + "b",
    "/" + "**a*" * 60 + "b",
    "/" + "{}**" * 60 + "/b",
)


def fits(pattern: str, inside: str) -> bool:
    path = f"/compute{inside}"
    return allows(service="compute", verb="GET", pattern=pattern, method="GET", path=path)


@given(
    pattern=st.lists(st.sampled_from(["/", "a", "b", "*", "**", "{id}"]), max_size=8),
    path=st.text(alphabet="/ab", max_size=10),
)
def test_it_is_the_language_of_the_expression(pattern: list[str], path: str) -> None:
    """What each part stands for, written as an expression of ``re``."""
    meaning = {"*": "[^/]+", "**": ".*", "{id}": "[^/]+"}
    written = "/a" + "".join(pattern)
    parts = re.findall(r"\*\*|\*|\{id\}|.", written.rstrip("/"))
    wanted = re.compile("".join(meaning.get(part, part) for part in parts))
    inside = "/a" + path
    assert fits(written, inside) == (wanted.fullmatch(inside.rstrip("/")) is not None)


def test_no_pattern_takes_long() -> None:
    """A whole credential full of them, asked for the longest path; the old ones took minutes for one."""
    for text in ("/" + "a" * 2000, "/a" * 1000, "/" + "aa/" * 600):
        before = time.thread_time()
        assert [fits(pattern, text) for pattern in HOSTILE] == [False] * len(HOSTILE)
        assert time.thread_time() - before < 0.5


def test_no_rule_allows_an_endless_path() -> None:
    assert fits("/**", "/" + "a" * (LONGEST_PATH - 20))
    assert not fits("/**", "/" + "a" * LONGEST_PATH)
