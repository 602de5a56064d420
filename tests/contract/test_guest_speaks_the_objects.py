"""The program in a guest knows the objects without their classes: both are held to one shape."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from cloudweb.process import run
from cloudweb.rpc import Method
from databases import objects, rpc
from databases.guest import wire
from databases.guest.methods import QUERIES, SPEAKS
from databases.guest.packing import packed
from databases.guest.version import VERSION

GUEST = Path(rpc.__file__).parent / "guest"


def declared() -> dict[str, Method[objects.NoArguments]]:
    return {name: one for name, one in Method.REGISTRY.items() if one.domain == rpc.DOMAIN}


def test_it_knows_what_is_declared() -> None:
    known = {
        name: (one.payload.__name__, one.answer.__name__ if one.answer else "")
        for name, one in declared().items()
    }
    assert known == SPEAKS
    assert {name for name, one in declared().items() if one.query} == QUERIES


def test_it_says_its_versions() -> None:
    """A new minor of an object is one that the guest knows, or it is told in the older one."""
    for takes, answers in SPEAKS.values():
        for name in filter(None, (takes, answers)):
            assert wire.VERSIONS.get(name, "1.0") == getattr(objects, name).VERSION


def test_it_is_the_standard_library_alone() -> None:
    for path in GUEST.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                first = name.partition(".")[0]
                assert first in sys.stdlib_module_names or name.startswith("databases.guest"), path


def test_the_packed_program_runs_without_us(tmp_path: Path) -> None:
    program = tmp_path / "agent.pyz"
    program.write_bytes(packed())
    assert len(packed()) < 100_000
    done = run(sys.executable, "-SE", str(program), "--check", cwd=tmp_path)
    assert done.stdout.decode().strip() == VERSION
