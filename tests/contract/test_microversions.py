"""Every version of a service's list is claimed by code, or the list says why none claims it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
from django.urls import get_resolver
from pydantic import BaseModel

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body
from cloudweb.dialects import DIALECTS
from cloudweb.microversions import Microversions, Versions
from cloudweb.microversions.claims import claims
from tests.infrastructure import ROOT

LISTS = [one.versions for one in DIALECTS.values() if isinstance(one.versions, Microversions)]
NO_PRODUCT = {"tests", "benchmarks", "docs", "deploy", "typings", "node_modules", "var"}


def sources() -> Iterator[Path]:
    for top in sorted(ROOT.iterdir()):
        if top.is_dir() and top.name not in NO_PRODUCT and not top.name.startswith("."):
            yield from sorted(top.rglob("*.py"))


@pytest.fixture(scope="module")
def product() -> list[Path]:
    return [*sources()]


@pytest.mark.parametrize("listed", LISTS, ids=lambda one: one.service)
def test_the_list_says_what_the_code_does(listed: Microversions, product: list[Path]) -> None:
    found = claims(listed.service, product)
    said = {version.minor: change.claimed for version, change in listed.changes()}
    unclaimed = {minor for minor, wanted in said.items() if wanted and minor not in found}
    denied = {
        minor: found[minor] for minor, wanted in said.items() if not wanted and minor in found
    }
    assert (unclaimed, denied) == (set(), {})


@pytest.mark.parametrize("listed", LISTS, ids=lambda one: one.service)
def test_every_sentence_is_one(listed: Microversions) -> None:
    wrong = [
        str(version)
        for version, change in listed.changes()
        if not (change.text.endswith(".") and len(change.text) < 110)
        or bool(change.note) != (change.served != "yes")
    ]
    assert wrong == []


def test_versions_stand_at_the_field() -> None:
    """Deeper inside (``Annotated[str, since(3)] | None``) nobody would look for them."""
    _ = get_resolver().url_patterns
    found = [
        f"{model.__module__}.{model.__name__}.{name}"
        for model in {*_below(Answer), *_below(Body)}
        for name, field in model.model_fields.items()
        if _says_versions(field.annotation)
    ]
    assert found == []


def _below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for sub in model.__subclasses__():
        yield sub
        yield from _below(sub)


def _says_versions(hint: Any) -> bool:
    parts = (*get_args(hint), *getattr(hint, "__metadata__", ()))
    return any(isinstance(part, Versions) or _says_versions(part) for part in parts)


def test_what_would_not_be_looked_for_is_found() -> None:
    versions = Versions()
    assert _says_versions(Annotated[str, versions] | None)
    assert _says_versions(list[Annotated[str, versions]])
    assert not _says_versions(list[str] | None)


def test_no_version_is_compared_by_hand(product: list[Path]) -> None:
    """A comparison is a claim that the list does not see."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in product
        if "ersion" in (text := path.read_text()) and path.parent.name != "microversions"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Compare) and _is_by_hand(node)
    ]
    assert found == []


def _is_by_hand(node: ast.Compare) -> bool:
    """Tell whether ``version >= (2, 5)``, ``self.version.minor < 5`` or the like stands there."""
    orders = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    sides = [node.left, *node.comparators]
    named = any(ast.unparse(side).endswith(("version", "version.minor")) for side in sides)
    fixed = any(isinstance(side, ast.Tuple | ast.Constant) or _made(side) for side in sides)
    return named and fixed and any(isinstance(one, orders) for one in node.ops)


def _made(side: ast.expr) -> bool:
    return isinstance(side, ast.Call) and ast.unparse(side.func).endswith("Microversion")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self.version >= (2, 5)", True),
        ("version.minor < 36", True),
        ("Microversion(2, 5) <= self.version", True),
        ("self.version in since(5)", False),
        ("facts.version == 6", False),
        ("minimum <= version <= maximum", False),
    ],
)
def test_what_is_by_hand(text: str, expected: bool) -> None:
    (node,) = (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Compare))
    assert _is_by_hand(node) is expected


def test_claims_are_read_from_the_words_of_a_service(tmp_path: Path) -> None:
    """Under whatever name; another service's words and a function of one's own are no claims."""
    path = tmp_path / "one.py"
    path.write_text(
        "from cloudweb.microversions.compute import since, until as up_to\n"
        "from elsewhere import until\n"
        "A, B, C = since(5), up_to(8), until(3)\n"
    )
    assert claims("compute", [path]) == {5: [path], 9: [path]}
    path.write_text("from cloudweb.microversions.compute import since\nA = since(B)\n")
    with pytest.raises(ValueError, match=r"one\.py:2"):
        claims("compute", [path])
