"""The engine's tables (OPERATIONS 1-6)."""

from operations.models.answer import Answer
from operations.models.debt import Debt
from operations.models.epoch import EpochCounter
from operations.models.first_answer import FirstAnswer
from operations.models.hold import Hold
from operations.models.host import HostCredential
from operations.models.operation import Operation
from operations.models.periodic_task import PeriodicTask
from operations.models.remote_call import RemoteCall
from operations.models.service import Service
from operations.models.step import Step

__all__ = [
    "Answer",
    "Debt",
    "EpochCounter",
    "FirstAnswer",
    "Hold",
    "HostCredential",
    "Operation",
    "PeriodicTask",
    "RemoteCall",
    "Service",
    "Step",
]
