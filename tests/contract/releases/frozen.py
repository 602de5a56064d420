"""The contracts of the last release, frozen: what its hosts, workers and tables understand.

One directory for each release holds what the two-versions tests compare this code with:

* ``objects.json``: of every wire object its version, fingerprint, schema and two messages as the release sent
  them, one that says no more than it must and one that says all it can;
* ``methods.json``: of every method what it takes and answers, and in which version;
* ``sagas.json``: of every saga its version and steps, as they stand in stored operations;
* ``migrations.json``: by app the migrations that its tables have.

``python -m tests.contract.releases.frozen`` writes those of this code as its release (``cloudweb/version.py``); what is
there already is not written again, unless with ``--again``, for a release that nobody runs yet: all of it, or what is
named besides (``--again migrations``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KINDS = ("objects", "methods", "sagas", "migrations")
Frozen = dict[str, Any]


def releases() -> list[str]:
    """Return the frozen releases, the newest last."""
    found = [path.parent.name for path in HERE.glob("*/objects.json")]
    return sorted(found, key=lambda name: [int(part) for part in name.split(".")])


def last_release() -> str:
    """Return the release that this code follows."""
    return releases()[-1]


@cache
def frozen(kind: str, release: str = "") -> Frozen:
    """Return what a release had of this kind."""
    found: Frozen = json.loads((HERE / (release or last_release()) / f"{kind}.json").read_text())
    return found


def objects_now() -> Frozen:
    """Return the wire objects of this code."""
    from cloudweb.objects import without_words
    from tests.contract.test_wire_objects import example, objects

    return {
        name: {
            "version": kind.VERSION,
            "fingerprint": kind.fingerprint(),
            "schema": without_words(kind.model_json_schema()),
            "least": kind.model_validate(example(kind, least=True)).dump()["data"],
            "full": kind.model_validate(example(kind)).dump()["data"],
        }
        for name, kind in objects().items()
    }


def methods_now() -> Frozen:
    """Return the methods of this code's hosts."""
    from cloudweb.objects import VersionedObject
    from tests.contract.test_wire_objects import methods

    versions = {name: kind.VERSION for name, kind in VersionedObject.REGISTRY.items()}
    return {
        name: {**said, "speaks": versions[str(said["takes"])]} for name, said in methods().items()
    }


def sagas_now() -> Frozen:
    """Return the steps of every saga of this code."""
    from tests.contract.test_every_saga_has_a_drill import sagas_of_the_product

    return {
        kind: {
            "version": saga.version,
            "steps": [step.name for step in saga.steps],
            "undone": [step.name for step in saga.steps if step.undo is not None],
            "pivots": [step.name for step in saga.steps if step.pivot],
        }
        for kind, saga in sorted(sagas_of_the_product().items())
    }


def migrations_now() -> Frozen:
    """Return by app of the product the migrations of this code."""
    from django.apps import apps

    from tests.infrastructure import ROOT

    return {
        app.label: sorted(path.stem for path in (Path(app.path) / "migrations").glob("0*.py"))
        for app in apps.get_app_configs()
        if Path(app.path).parent == ROOT and (Path(app.path) / "migrations").is_dir()
    }


def freeze(release: str, kinds: Collection[str] = KINDS) -> Path:
    """Write down the contracts of this code as those of a release."""
    made = {
        "objects": objects_now(),
        "methods": methods_now(),
        "sagas": sagas_now(),
        "migrations": migrations_now(),
    }
    place = HERE / release
    place.mkdir(exist_ok=True)
    for kind in kinds:
        lines = ",\n".join(
            f"{json.dumps(name)}: {json.dumps(said, sort_keys=True)}"
            for name, said in sorted(made[kind].items())
        )
        (place / f"{kind}.json").write_text(f"{{\n{lines}\n}}\n")
    return place


def main(words: list[str]) -> int:
    """Freeze this code's release."""
    import django

    django.setup()
    from cloudweb.version import RELEASE

    if RELEASE in releases() and "--again" not in words:
        sys.stderr.write(
            f"{RELEASE} is frozen already; raise cloudweb/version.py, or say --again.\n"
        )
        return 1
    named = [word for word in words if word in KINDS]
    sys.stdout.write(f"{freeze(RELEASE, named or KINDS)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
