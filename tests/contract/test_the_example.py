"""The check-list for a new app is what the suite's example took: no file more, none less."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infrastructure import ROOT

EXAMPLE = ROOT / "tests" / "example"
WORDS = {
    "<app>": "example",
    "<noun>": "shelf",
    "<nouns>": "shelves",
    "<verb_noun>": "build_shelf",
}
#: What stands for a file of the middle, since the example is not in the product.
STANDS_FOR = {
    "cloudweb/settings/test.py": "cloudweb/settings/control.py",
}
#: The same for files of the example itself, which is above the dashboard instead of below it.
STANDS_ABOVE = {
    "pages.py": {"dashboard/views/shelves.py"},
    "urls.py": {"cloudweb/urls.py", "dashboard/urls.py"},
}
#: What only a service of its own, or a part of the product needs.
NOT_TAKEN = {
    "cloudweb/dialects.py",
    "dashboard/components/navigation.py",
    "docs/where_is.py",
    "pyproject.toml",
}
#: Who names it because it is no part of the product.
KNOWS_IT = {
    "docs/how-to/app.md",
    "docs/where_is.py",
    "tests/contract/test_events.py",
    "tests/contract/test_every_route_has_an_access_test.py",
    "tests/contract/test_every_saga_has_a_drill.py",
    "tests/contract/test_the_example.py",
    "tests/integration/operations/test_what_a_death_leaves.py",
    "tests/unit/operations/test_cases_of_a_drill.py",
}


def listed(heading: str) -> set[str]:
    """Return the files that the check-list names under a heading."""
    text = (ROOT / "docs" / "how-to" / "app.md").read_text()
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    for word, name in WORDS.items():
        section = section.replace(word, name)
    return set(re.findall(r"^\d+\. \*\*`([^`]+)`\*\*", section, re.MULTILINE))


def modules(home: Path) -> Iterator[str]:
    """Yield the modules under a directory, but for those that say only what a package is."""
    for path in sorted(home.rglob("*.py")):
        if path.name != "__init__.py":
            yield str(path.relative_to(home))


def naming() -> set[str]:
    """Return the files outside of the example that import, install or describe it."""
    found = set()
    for folder in ("cloudweb", "docs", "tests", "deploy", "templates"):
        for path in (ROOT / folder).rglob("*"):
            is_text = path.suffix in (".py", ".md", ".toml", ".html")
            is_built = "_build" in path.parts  # the pages that docs are made into
            is_other = is_text and not is_built and not path.is_relative_to(EXAMPLE)
            if is_other and re.search(r"tests[./]example\b", path.read_text()):
                found.add(str(path.relative_to(ROOT)))
    return found


def test_the_list_of_files_is_that_of_the_example() -> None:
    assert {*modules(EXAMPLE)} - STANDS_ABOVE.keys() == listed("In the app")


def test_what_it_took_elsewhere_is_in_the_list() -> None:
    outside = listed("In the suite") | listed("In the middle") | listed("In the dashboard")
    taken = {STANDS_FOR.get(one, one) for one in naming() - KNOWS_IT}
    taken = taken.union(
        *(files for name, files in STANDS_ABOVE.items() if (EXAMPLE / name).exists())
    )
    assert taken | NOT_TAKEN == outside
    assert {
        one for one in outside - {"dashboard/views/shelves.py"} if not (ROOT / one).exists()
    } == set()


def test_its_size_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A capability later is a small file that looks like its neighbour; here is how small."""
    places = [
        *(EXAMPLE / one for one in modules(EXAMPLE)),
        *(ROOT / one for one in listed("In the suite") if "example" in one),
    ]
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in places}
    with capsys.disabled():
        print("\n  The example, lines by file:")
        for name, count in sorted(lines.items()):
            print(f"  {count:5}  {name}")
        print(f"  {sum(lines.values()):5}  in all", end="")
    assert max(lines.values()) < 150
