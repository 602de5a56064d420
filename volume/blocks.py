"""What one disk holds is written to another, block by block."""

from __future__ import annotations

from collections.abc import Callable

from cloudweb.driver import DriverError, Work
from volume.backups.restoring import Target
from volume.backups.taking import Source

_PIECE = 4 * 1024**2


def copy_blocks(source: Source, target: Target, *, on_piece: Callable[[int], None]) -> None:
    """Write all that ``source`` holds; what is zeros there is made zeros. ``on_piece`` may raise."""
    if target.size < source.size:
        raise DriverError("The copy is smaller than the volume.")
    offset = 0
    while offset < source.size:
        data_at = min(source.data_after(offset), source.size)
        if data_at > offset:
            target.zero(offset, data_at - offset)
            offset = data_at
        else:
            piece = source.read(offset, min(_PIECE, source.size - offset))
            if piece.count(0) == len(piece):
                target.zero(offset, len(piece))
            else:
                target.write(offset, piece)
            offset += len(piece)
        on_piece(offset)


def progress(work: Work, size: int) -> Callable[[int], None]:
    """Return what is told how many bytes are done; it raises once the work counts no more."""
    told = -1

    def tell(done: int) -> None:
        nonlocal told
        work.checkpoint()
        percent = done * 100 // max(1, size)
        if percent != told:
            told = percent
            work.progress(percent, f"{done // 1024**2} of {size // 1024**2} MiB")

    return tell
