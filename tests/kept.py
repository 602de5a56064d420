"""What the clouds of one run of the suite share: static files, and a database with tables and no rows."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path

from cloudweb import process
from cloudweb.keeping import kept_secret

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "cloudweb.sqlite3"
#: Where all parts of a run keep it; a part alone has a place of its own.
PLACE = "CLOUDWEB_KEPT"


def _place() -> Path | None:
    named = os.environ.get(PLACE) or os.environ.get("CLOUDWEB_VAR")
    return Path(named) if named else None


def collected() -> Path:
    """Return where the clouds of this run keep their static files: collected once for all."""
    return (_place() or Path(tempfile.gettempdir())) / "collected"


def give_tables(var: Path) -> None:
    """Give a data directory the database that its first start would make: that is migrated once for all."""
    place = _place()
    if place is None or os.environ.get("DATABASE_URL") or (var / DATABASE).exists():
        return
    made = place / "tables.sqlite3"
    with (place / "tables.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _migrate(place / "tables", made)
    kept_secret(var / "secrets" / "secret_key")  # the database of a cloud that has none is refused
    shutil.copyfile(made, var / DATABASE)
    (var / DATABASE).chmod(0o600)


def _migrate(directory: Path, target: Path) -> None:
    directory.mkdir(exist_ok=True)
    settings = {
        "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
        "CLOUDWEB_VAR": str(directory),
        "STATIC_ROOT": str(directory / "static"),
    }
    process.run(
        sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0",
        env=settings, timeout=300,
    )  # fmt: skip
    assert not (directory / f"{DATABASE}-wal").exists(), "all of it is in the file"
    (directory / DATABASE).replace(target)
