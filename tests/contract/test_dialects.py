"""What differs by service is said in its dialect, once; the API library knows no service by name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from cloudweb import dialects
from cloudweb.dialect import Dialect
from cloudweb.mounts import MOUNTS, dialect_of, service_of
from tests.contract.test_every_route_has_an_access_test import of_services

ROOT = Path(dialects.__file__).parent
#: What reads a dialect instead of asking which service it is.
READERS = (
    *sorted((ROOT / "api").glob("*.py")),
    *(ROOT / name for name in ("refusals.py", "exceptions.py", "mounts.py", "listing.py")),
)


def named_services(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each text that is a service's name, or a path under it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.strip("/").split("/")
            if words[0] in MOUNTS and (len(words) == 1 or node.value.startswith("/")):
                yield node.lineno, node.value


def named_dialects(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each dialect that is imported by its name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "cloudweb.dialects":
            for one in node.names:
                if one.name.lower() in MOUNTS:
                    yield node.lineno, one.name


def test_no_module_of_the_api_switches_on_a_service() -> None:
    found = {
        f"{path.relative_to(ROOT.parent)}:{line}": word
        for path in READERS
        for look in (named_services, named_dialects)
        for line, word in look(path.read_text())
    }
    assert found == {}


def test_a_switch_would_be_seen() -> None:
    assert [*named_services('if service == "compute" or path.startswith("/image/v2"): ...')] == [
        (1, "compute"),
        (1, "/image/v2"),
    ]
    assert [*named_dialects("from cloudweb.dialects import CLOUD, COMPUTE")] == [(1, "COMPUTE")]


def test_each_service_has_one_dialect() -> None:
    objects = {id(one): one for one in vars(dialects).values() if isinstance(one, Dialect)}
    assert sorted(one.service for one in objects.values()) == sorted((*MOUNTS, "cloud"))


def test_every_mounted_service_is_at_the_version_its_dialect_says() -> None:
    versions = defaultdict(set)
    for said in of_services():
        mount, _, rest = said.partition(" ")[2].lstrip("^/").partition("/")
        if found := re.match(r"v\d[\d.\\]*(?=/)", rest):
            versions[mount].add(found[0].replace("\\", ""))
    assert {*versions} >= {"identity", "compute", "network", "image", "audit"}
    assert versions == {mount: {dialect_of(f"/{mount}/x").version} for mount in versions}
    assert {service_of(f"/{mount}") for mount in versions} == {*versions} <= {*MOUNTS}
