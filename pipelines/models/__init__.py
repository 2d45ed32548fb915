from pipelines.models.hook import Hook, HookDelivery
from pipelines.models.identity import Identity
from pipelines.models.pipeline import UNFINISHED, Pipeline, ScratchpadEntry, Status
from pipelines.models.platform_event import CommandExecution, PlatformEvent
from pipelines.models.resource import Command, Resource, Subscription, Trigger
from pipelines.models.task import Task, TaskStep

__all__ = [
    "UNFINISHED",
    "Command",
    "CommandExecution",
    "Hook",
    "HookDelivery",
    "Identity",
    "Pipeline",
    "PlatformEvent",
    "Resource",
    "ScratchpadEntry",
    "Status",
    "Subscription",
    "Task",
    "TaskStep",
    "Trigger",
]
