"""Layers below volumes: how they come to be, and how they go.

A layer may have several files above it: the volume it was frozen from, clones, volumes from a
snapshot. What a layer holds is never changed: nothing is committed down into one, for whoever else
stands on it would read something else. A layer that is no snapshot any more is pulled *up* into the one
file above it, once there is only one, and removed.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import structlog

from cloudweb.driver import Unguarded, Work
from cloudweb.exceptions import CloudwebError
from cloudweb.files import sync_directory
from volume.drivers.base import VolumeLocks
from volume.drivers.file import qcow2
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.files import File, Files, volume_of
from volume.drivers.file.qemu_img import qemu_img

log = structlog.get_logger(__name__)


class Layers:
    """The layers of one pool. ``graph`` is held while it is decided what is above what."""

    def __init__(self, files: Files, daemons: Daemons, graph: threading.RLock) -> None:
        self._files, self._daemons, self._graph = files, daemons, graph

    def freeze(self, volume_id: str, work: Work) -> File:
        """Let what a volume holds now be a layer, the volume going on in a new file above it.

        Its daemon is told last. One that dies before writes below the new file, which is empty: what
        the volume holds is the same, and the next daemon begins above.
        """
        running = self._daemons.is_running(volume_id)
        layer, top = self._begin(volume_id, work, running=running)
        if running:
            work.checkpoint()
            self._daemons.follow(volume_id, top)
        return layer

    def freeze_together(self, volume_ids: Sequence[str], work: Work) -> Mapping[str, File]:
        """Let what several volumes hold at one moment be layers.

        What takes long is done before: their clients wait while the daemons change over.
        """
        running = [one for one in volume_ids if self._daemons.is_running(one)]
        begun = {one: self._begin(one, work, running=one in running) for one in volume_ids}
        work.checkpoint()
        if len(running) > 1:
            self._daemons.follow_together({one: begun[one][1] for one in running})
        elif running:
            self._daemons.follow(running[0], begun[running[0]][1])
        return {one: layer for one, (layer, _) in begun.items()}

    def _begin(self, volume_id: str, work: Work, *, running: bool) -> tuple[File, File]:
        """Return the file that shall be a layer, and the new one above it."""
        top = self._files.get(volume_id)
        begun = self._files.below(top)
        if running and begun is not None and not self._daemons.writes_to(volume_id, top):
            return begun, top
        work.checkpoint()
        with self._graph:
            return top, self.put_above(volume_id, top, top.size())

    def put_above(self, volume_id: str, layer: File, size: int) -> File:
        """Let a volume go on in a new, empty file above a layer; the graph is held."""
        top = self._files.next(volume_id)
        name = self._files.name(layer)
        kind, luks = layer.format, self._files.luks(layer)
        qcow2.make(top.path, size, backing=name, backing_format=kind, luks=luks)
        self._files.point(volume_id, top)
        return top

    def drop_unused(self, file: File | None) -> None:
        """Remove a hidden layer that nothing is above, and those below it; the graph is held."""
        while file is not None and file.path.exists() and self._files.is_hidden(file):
            if self._files.above().get(file.path):
                return
            below = self._files.below(file)
            file.path.unlink()
            sync_directory(self._files.directory)
            file = below

    def dissolve(self, layer: File, *, within: Collection[str], work: Work) -> None:
        """Pull a hidden layer up into the file above it, and remove it, as far as that can be now.

        It stays while several stand on it, or when volumes not ``within`` would be touched.
        """
        with self._graph:
            if not layer.path.exists() or not self._files.is_hidden(layer):
                return
            above = self._files.above()
        children = above.get(layer.path, ())
        if len(children) > 1:
            return
        for child in children:
            touched = self._volumes_above(child, above)
            if not touched <= {*within} or not self._pull_up(layer, child, touched, work):
                return
        with self._graph:
            self.drop_unused(layer)

    def _pull_up(self, layer: File, child: File, touched: Collection[str], work: Work) -> bool:
        """Let a file hold what the one below it does; tell whether that could be done."""
        below = self._files.below(layer)
        name = "" if below is None else self._files.name(below)
        running = [one for one in touched if self._daemons.is_running(one)]
        work.checkpoint()
        if not running and child.encrypted:  # it is done while somebody has the volume, and its key
            return False
        if not running:
            kind = () if below is None else ("-F", below.format)
            base = ("-f", "qcow2", *kind, "-b", name, str(child.path))
            qemu_img("rebase", *base, cwd=self._files.directory)
            return True
        (volume_id, *others) = running
        if others or self._files.find(volume_id) != child:  # others read it: its daemon must not
            return False
        self._daemons.follow(volume_id, child)
        self._daemons.merge(volume_id, child, layer, below, name)
        return True

    def tidy(self, locks: VolumeLocks) -> None:
        """Dissolve what hidden layers can be, each while no one works on the volumes above it."""
        for layer in self._files.hidden():
            touched = {volume_of(layer)}  # it may be about to begin with this file
            touched |= self._volumes_above(layer, self._files.above())
            try:
                with locks(*touched):
                    self.dissolve(layer, within=touched, work=Unguarded())
            except CloudwebError as error:
                log.warning("layer not dissolved", file=layer.path.name, detail=error.detail)

    def _volumes_above(self, file: File, above: Mapping[Path, Sequence[File]]) -> set[str]:
        """Return the ids of the volumes that read a file; its own, if a volume's guest writes to it."""
        found = {volume_of(file)} if self._files.find(volume_of(file)) == file else set()
        for child in above.get(file.path, ()):
            found |= self._volumes_above(child, above)
        return found
