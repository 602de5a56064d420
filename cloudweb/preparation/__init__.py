"""What ``make run`` does before it serves: migrations, the first contents, the credentials file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.conf import settings
from django.db import OperationalError

from cloudweb.driver import load_class
from cloudweb.exceptions import CloudwebError
from cloudweb.keeping import replace_private
from cloudweb.lost_keys import KeysLost
from cloudweb.preparation import encrypted
from cloudweb.preparation.banner import Login, banner
from cloudweb.preparation.migrations import migrate
from cloudweb.preparation.static_files import collect

Say = Callable[[str], object]


class CannotPrepare(Exception):
    """The reason, and what to do about it."""


def prepare(*, say: Say) -> None:
    """Collect static files, migrate, fill the database by the function settings.BOOTSTRAP names, write the banner.

    That function is idempotent, takes ``say``, writes clouds.yaml and returns the log-ins. Raises
    CannotPrepare.
    """
    try:
        encrypted.check()
        collect()
        migrate(say=say)
        logins: Sequence[Login] = load_class(settings.BOOTSTRAP)(say=say)
        replace_private(settings.VAR / "run" / "banner", banner(logins))
    except KeysLost as error:
        raise CannotPrepare(str(error)) from error
    except OperationalError as error:
        raise CannotPrepare(_database_sentence(error)) from error
    except CloudwebError as error:
        raise CannotPrepare(f"{error.message} {error.detail}".strip()) from error


def _database_sentence(error: OperationalError) -> str:
    engine = settings.DATABASES["default"]["ENGINE"]
    reason = str(error).strip().splitlines()[0]
    if "sqlite" in engine:
        return (
            f"The database {settings.DATABASES['default']['NAME']} cannot be used: {reason}. "
            "Is the disk full, or does the file belong to another user?"
        )
    return (
        f"The PostgreSQL server of DATABASE_URL does not answer: {reason}. Start it, or leave "
        "DATABASE_URL out to use SQLite."
    )
