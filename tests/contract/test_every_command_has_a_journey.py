"""Each command of the installed clients is run by a journey, or is here with the reason why not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.metadata import entry_points
from itertools import dropwhile, product
from pathlib import Path

import pytest

from tests.infrastructure import ROOT

JOURNEYS = sorted(Path(__file__).parent.glob("test_openstack_*.py"))
UNKNOWN = "?"  # a word that only the run knows
Words = tuple[str, ...]


class Calls:
    """The words a journey hands to the command, read from its source: constants, names of them, loops over them."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.names: dict[str, set[Words]] = {}
        self.prefixes: dict[str, set[Words]] = {}

    def all(self) -> set[Words]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                self._bind(node.targets[0], [node.value])
            elif isinstance(node, ast.For | ast.comprehension) and isinstance(
                node.iter, ast.Tuple | ast.List
            ):
                self._bind(node.target, node.iter.elts)
            elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Dict):
                self._bind(node.target, [key for key in node.iter.keys if key])
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and node.args.vararg:
                self._wrapper(node, node.args.vararg.arg)
        return {
            prefix + words
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call)
            for prefix in self.prefixes.get(_name(node.func), {()})
            for words in self._words(node.args)
        }

    def _bind(self, target: ast.expr, values: list[ast.expr]) -> None:
        for value in values:
            if isinstance(value, ast.Starred):
                value = value.value
                if isinstance(value, ast.Tuple):
                    self._bind(target, value.elts)
                continue
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                for one, its in zip(target.elts, value.elts, strict=False):
                    self._bind(one, [its])
            elif isinstance(target, ast.Name):
                self.names.setdefault(target.id, set()).update(self._one(value))

    def _wrapper(self, node: ast.FunctionDef, vararg: str) -> None:
        """A function of the journey that puts words before those it is given."""
        for call in ast.walk(node):
            if not isinstance(call, ast.Call):
                continue
            for place, one in enumerate(call.args):
                if isinstance(one, ast.Starred) and _name(one.value) == vararg:
                    said = self._words(call.args[:place])
                    self.prefixes.setdefault(node.name, set()).update(said)

    def _words(self, parts: list[ast.expr]) -> Iterator[Words]:
        for chosen in product(*(self._one(part) for part in parts)):
            yield tuple(word for some in chosen for word in some)

    def _one(self, part: ast.expr) -> list[Words]:
        match part:
            case ast.Constant(value=str(text)):
                return [tuple(text.split())]
            case ast.Starred(value=value):
                return self._one(value)
            case ast.Tuple(elts=elts):
                return list(self._words(elts))
            case ast.IfExp(body=body, orelse=orelse):
                return [*self._one(body), *self._one(orelse)]
            case ast.Name(id=name):
                return sorted(self.names.get(name) or {(UNKNOWN,)})
        return [(UNKNOWN,)]


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def command_of(words: Words) -> Words:
    """The words past the options of the command as a whole."""
    return tuple(dropwhile(lambda word: word == UNKNOWN or not word[0].isalpha(), words))


def run_by_journeys() -> set[str]:
    return {
        " ".join(words[:length])
        for path in JOURNEYS
        for words in map(command_of, Calls(ast.parse(path.read_text())).all())
        for length in range(1, len(words) + 1)
    }


#: How those begin that no journey runs; ``docs/clients.md`` has them with their reasons.
EXCEPTIONS = {
    "compute agent": "agents of hypervisors are gone from Nova: 410",
    "server add share": "there are no shares",
    "server remove share": "there are no shares",
    "server share": "there are no shares",
    "server ssh": "it starts the program ssh",
    "block storage cleanup": "it gives up before it asks anything",
    "block storage cluster": "there are no clusters of volume services",
    "block storage log level": "logs have one level",
    "consistency group": "groups replaced them",
    "volume backup record import": "the client sends it elsewhere",
    "volume group failover": "groups are not replicated",
    "database backup execution": "backups by another service: here schedules",
    "database cluster": "replicas, no clusters",
    "database log save": "it reads an object store",
    "database log tail": "it reads an object store",
    "database ssl": "certificates are the cloud's",
}
GROUPS = ("openstack.compute.v2", "openstack.volume.v3", "openstack.database.v1")


@pytest.fixture(scope="module")
def left_out() -> set[str]:
    """Commands of the installed clients that no journey runs."""
    run = run_by_journeys()
    commands = {one.name.replace("_", " ") for group in GROUPS for one in entry_points(group=group)}
    assert len(commands & run) > 200  # the journeys are read, indeed
    return commands - run


def test_each_command_is_run_or_excepted(left_out: set[str]) -> None:
    assert {one for one in left_out if not one.startswith((*EXCEPTIONS,))} == set()


def test_each_exception_is_one_and_is_documented(left_out: set[str]) -> None:
    text = (ROOT / "docs" / "clients.md").read_text()
    for beginning in EXCEPTIONS:
        assert any(one.startswith(beginning) for one in left_out), f"run by now: {beginning}"
        assert f"`{beginning}" in text, f"docs/clients.md says nothing of {beginning}"
