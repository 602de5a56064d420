"""The OpenAPI schema, drawn once for all tests and all processes that read it."""

from __future__ import annotations

import fcntl
import hashlib
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from drf_spectacular.drainage import GENERATOR_STATS

from cloudweb.api.schema import Generator
from tests.infrastructure import ROOT

KEPT = ROOT / ".pytest_cache" / "openapi"
#: Everything else on the top level is the product: what is drawn may depend on all of it.
NO_PRODUCT = {"tests", "benchmarks", "docs", "deploy", "typings", "node_modules", "var", "static"}


@cache
def drawn() -> tuple[dict[str, Any], str]:
    """Return the schema and what was said while it was drawn; nobody may change it."""
    schema, said = orjson.loads(once(KEPT, of_sources(ROOT), _draw))
    return schema, said


def _draw() -> bytes:
    schema = Generator().get_schema(request=None, public=True)
    said = {**GENERATOR_STATS._warn_cache, **GENERATOR_STATS._error_cache}
    return orjson.dumps([schema, "\n".join(said)])


def of_sources(root: Path) -> str:
    """Return a name that is another one after any change of the product or of what draws."""
    found = hashlib.sha256(f"{sys.version} {version('drf-spectacular')}".encode())
    for top in sorted(root.iterdir()):
        if top.name in NO_PRODUCT or top.name.startswith(".") or not top.is_dir():
            continue
        for path in sorted(top.rglob("*.py")):
            found.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:32]


def once(home: Path, name: str, draw: Callable[[], bytes]) -> bytes:
    """Return what one process draws under this name while the others wait; older ones are forgotten."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / f"{name}.json"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            for old in home.glob("*.json"):
                old.unlink()
            new = home / "half"
            new.write_bytes(draw())
            new.replace(path)
        return path.read_bytes()
