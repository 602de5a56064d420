"""What the jobs of image sagas share: the staging area, progress, copying into several stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

import structlog

from cloudweb.exceptions import CloudwebError
from cloudweb.stores.configured import UnknownStore, store
from cloudweb.stores.exceptions import StoreUnavailable
from image.copies import copy
from image.models import Image
from image.stores import staging
from operations.jobs import Running
from operations.saga import StepFailed

log = structlog.get_logger(__name__)
MIB = 1024**2


def progress(running: Running, *, done: int, total: int | None, text: str = "") -> None:
    """Look whether the work still counts, and say how far it is."""
    running.check()
    if total:
        running.report(100 * done // total, f"{text}{done // MIB} of {max(total // MIB, 1)} MiB")
    else:
        running.report(0, f"{text}{done // MIB} MiB")


def clear_staging(image_id: object) -> None:
    """Leave nothing of an image in the staging area, of whichever attempt."""
    staging().delete_all(f"{image_id}.")


def copy_everywhere(
    running: Running,
    image: Image,
    *,
    key: str,
    wanted: list[str],
    all_must_succeed: bool,
    source: Callable[[], BinaryIO],
) -> Mapping[str, Any]:
    """Copy the data into each store that has it not yet; ``importing_to`` of the row keeps count.

    Returns the stores that have it and, where not all must, why others have not. Raises what the last
    store said when none has it, or the first one that says no when all must.
    """
    left = [name for name in wanted if name in image.importing_to]
    failed: dict[str, str] = {}
    last: CloudwebError | None = None
    for name in list(left):
        place, before = len(wanted) - len(left), f"{name}: " if len(wanted) > 1 else ""

        def on_chunk(done: int, place: int = place, before: str = before) -> None:
            running.check()
            whole = max(image.size * len(wanted), 1)
            percent = 100 * (place * image.size + done) // whole
            running.report(percent, f"{before}{done // MIB} of {max(image.size // MIB, 1)} MiB")

        try:
            with source() as data:
                copy(
                    data,
                    store_id=name,
                    key=key,
                    size=image.size,
                    sha512=image.os_hash_value,
                    on_chunk=on_chunk,
                )
        except FileNotFoundError as error:
            raise StepFailed("The image data is not where it was.", detail=str(error)) from error
        except CloudwebError as error:
            if all_must_succeed:
                raise
            log.warning("a store did not take an image", store=name, error=error.detail)
            failed[name], last = error.message, error
            continue
        left.remove(name)
        running.check()
        Image.objects.filter(id=image.id).update(importing_to=left)
    stored = [name for name in wanted if name not in left]
    if last is not None and not stored:
        raise last
    return {"stored": stored, "failed": failed}


def remove_everywhere(key: str, names: Iterable[str]) -> None:
    """Remove a key that no image names from these stores; from one that is away the reaper will."""
    for name in names:
        try:
            store(name).delete(key)
        except (StoreUnavailable, UnknownStore) as error:
            log.warning("left to the reaper", store=name, key=key, error=error.message)
