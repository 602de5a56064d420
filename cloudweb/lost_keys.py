"""Keys that a cloud had and that are missing now: a new one would fit nothing that is kept."""

from __future__ import annotations

from pathlib import Path

from cloudweb.conf import env, var_dir


class KeysLost(Exception):
    """Which keys are missing, and what to do about it."""

    def __init__(self, *names: str) -> None:
        directory = var_dir() / "secrets"
        super().__init__(
            f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing in {directory}, but "
            "the database of a cloud that had one is there: what it holds could not be read with a "
            f"new one, and nothing was written. Put back {directory} from the backup that belongs to "
            "this database. If it is lost for good, see docs/keys.md."
        )


def database_file() -> Path | None:
    """Return the file of the database; None when it is not SQLite's."""
    config = env.db("DATABASE_URL", default=f"sqlite:///{var_dir() / 'cloudweb.sqlite3'}")
    return Path(str(config["NAME"])) if "sqlite" in str(config.get("ENGINE")) else None


def new_ones_are_wanted() -> bool:
    """Tell whether the operator gave the keys up for lost (NEW_KEYS)."""
    return bool(env.bool("NEW_KEYS", default=False))


def check_files() -> None:
    """Raise KeysLost where the database or a host knows a key that is not on the disk any more."""
    if new_ones_are_wanted():
        return
    secrets, missing, file = var_dir() / "secrets", [], database_file()
    used = file is not None and file.is_file() and file.stat().st_size > 0
    if used and not env.str("SECRET_KEY", default="") and not (secrets / "secret_key").exists():
        missing.append("secret_key")
    known = any((var_dir() / "hosts").glob("*/credentials/orders.pub"))
    if known and (used or file is None) and not (secrets / "orders.pem").exists():
        missing.append("orders.pem")
    if missing:
        raise KeysLost(*missing)
