"""The guard before everything that is done to a server: who may, from which states, one at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Q

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.identifiers import as_uuid
from cloudweb.states import ANY, Mode
from instances.actions.record import InstanceAction
from instances.exceptions import InstanceInvalidState, InstanceLocked, InstanceNotFound
from instances.manager.lookup import InstanceLookups
from instances.models import Instance
from operations.noting import note_done


class InstanceActs(InstanceLookups):
    """Base of what acts on servers: each method is one record of ``instances/actions``.

    All raise InstanceNotFound, and InstanceLocked or InstanceInvalidState (409) where the record does
    not start.
    """

    def _act(
        self, instance_id: str, action: InstanceAction, *, in_volume: bool = False, **args: Any
    ) -> None:
        """Take the server and start the action's operation, which is its line in the action log.

        Raises Conflict where another operation holds something that this one needs.
        """
        saga = action.saga_in_volume if in_volume else action.saga
        assert saga is not None
        with transaction.atomic():
            key = self._take(instance_id, action, task_state=action.task_state)
            preempts = action.mode is Mode.PREEMPTING
            saga.start(self.context, resource_id=str(key), args=args, preempt=preempts)

    def _check(self, instance_id: str, action: InstanceAction) -> Instance:
        """Return a server that the action may start on now."""
        found = self._rows_of(instance_id).filter(self._may_start(action)).first()
        if found is None:
            raise self._refusal(instance_id, action)
        return found

    def _locked_for(self, instance_id: str, action: InstanceAction) -> Instance:
        """Return a server that the action may start on, its row locked; call inside ``atomic()``."""
        found = locked(self._rows_of(instance_id).filter(self._may_start(action))).first()
        if found is None:
            raise self._refusal(instance_id, action)
        return found

    def _take(self, instance_id: str, action: InstanceAction, **changes: Any) -> uuid.UUID:
        """Change the row by one conditional write; return its id."""
        key = as_uuid(str(instance_id))
        rows = self._rows_of(instance_id).filter(self._may_start(action))
        if key is None or not rows.update(updated_at=now(), **changes):
            raise self._refusal(instance_id, action)
        return key

    def _change(self, instance_id: str, action: InstanceAction, **changes: Any) -> None:
        """Do a free action by one conditional write."""
        with transaction.atomic():
            self._note(action, self._take(instance_id, action, **changes))

    @contextmanager
    def _held(self, instance_id: str, action: InstanceAction) -> Iterator[Instance]:
        """Lock the row in a transaction, for a free action that must read before it writes."""
        with transaction.atomic():
            found = self._locked_for(instance_id, action)
            yield found
            self._note(action, found.id)

    def _note(self, action: InstanceAction, key: uuid.UUID) -> None:
        if action.logs:
            note_done(
                self.context, kind=action.kind, resource_type="instance", resource_id=str(key)
            )

    def _open_to(self, instance_id: str, action: InstanceAction) -> Instance:
        """Return a server that the action may start on, without taking it; raise why it may not."""
        found = self._rows_of(instance_id).filter(self._may_start(action)).first()
        if found is None:
            raise self._refusal(instance_id, action)
        return found

    def _keeps_out(self, action: InstanceAction) -> bool:
        """Tell whether a lock would refuse the action to this caller."""
        return not (action.while_locked or self.context.is_admin)

    def _may_start(self, action: InstanceAction) -> Q:
        return may_start(action) & (Q(locked_by="") if self._keeps_out(action) else Q())

    def _refusal(self, instance_id: str, action: InstanceAction) -> Exception:
        """Return why the action does not start: the first thing that is in its way."""
        found = self._rows_of(instance_id).alive().first()
        if found is None:
            return InstanceNotFound(instance_id)
        if found.locked_by and self._keeps_out(action):
            return InstanceLocked(found.id)
        never_ran = action.ran and found.launched_at is None
        attr = "task_state"
        if never_ran or not action.starts_in(found.vm_state):
            attr = "vm_state"
        return InstanceInvalidState(action.spoken, found.id, attr=attr, state=getattr(found, attr))


def may_start(action: InstanceAction) -> Q:
    """Return what holds of the rows of servers that an action may start on."""
    condition = (
        ~Q(vm_state="deleted") if action.vm_states is ANY else Q(vm_state__in=action.vm_states)
    )
    if action.task_states is not ANY:
        named = [state for state in action.task_states if state is not None]
        tasks = Q(task_state__in=named) if named else Q()
        if None in action.task_states:
            tasks |= Q(task_state=None)
        condition &= tasks
    if action.ran:
        condition &= Q(launched_at__isnull=False)
    return condition
