"""/backup-schedules: when a volume is backed up by itself, and what is kept; this cloud's own."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.resource import PAGING, SORTING, ResourceViewSet
from volume.api.serializers.backup_schedules import BACKUP_SCHEDULE
from volume.manager import BackupScheduleManager


class BackupScheduleViewSet(ResourceViewSet):
    """Schedules."""

    manager: ClassVar[type[BackupScheduleManager]] = BackupScheduleManager
    resource = BACKUP_SCHEDULE
    controls = (*PAGING, "sort", *SORTING)

    def create(self, request: Request, *_: Any, **path: Any) -> Response:
        """Make one, due at once."""
        assert self.resource.create is not None
        wanted = self.wanted(self.resource.create).model_dump()
        volume_id = wanted.pop("volume_id")
        return self.answer(self.manager(self.context).create(volume_id, wanted), status=201)

    def retrieve(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return one."""
        return self.answer(self.manager(self.context).find(*path.values()))

    def update(self, request: Request, *_: Any, **path: Any) -> Response:
        """Change what the body names, keep the rest."""
        assert self.resource.update is not None
        wanted = self.said(self.resource.update)
        return self.answer(self._manager().update(*path.values(), wanted))
