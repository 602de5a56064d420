"""Servers that go to another host while they run."""

from __future__ import annotations

from cloudweb.policy import project_manager
from instances.actions.record import Button, InstanceAction
from instances.operations import LiveMigrateInstance
from instances.states import TaskState as T
from instances.states import VmState as V

LIVE_MIGRATE = InstanceAction(
    name="live_migrate",
    vm_states={V.ACTIVE, V.PAUSED},
    shows=(T.MIGRATING,),
    saga=LiveMigrateInstance,
    policy="compute:servers:live_migrate",
    rule=project_manager,
    wire="os-migrateLive",
    body="LiveMigrate",
    spoken="os-migrateLive",
    logged="live-migration",
    button=Button(
        label="Move to another host",
        icon="transfer",
        done="{} is going to another host.",
        page="server_move",
        rare=True,
        seldom=True,
        fits=lambda context, server: context.is_admin,
    ),
)
