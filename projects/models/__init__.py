from projects.models.account import Account
from projects.models.api_key import ApiKey
from projects.models.directory import DirectoryVersion
from projects.models.hook import Hook, HookDelivery
from projects.models.identity import Identity
from projects.models.installation import Installation, Node
from projects.models.login import LoginFailure
from projects.models.organization import Organization
from projects.models.pipeline import UNFINISHED, Pipeline, ScratchpadEntry, Status
from projects.models.platform_event import CommandExecution, PlatformEvent
from projects.models.project import Project
from projects.models.resource import Command, Resource, Subscription, Trigger
from projects.models.task import Task, TaskStep

__all__ = [
    "UNFINISHED",
    "Account",
    "ApiKey",
    "Command",
    "CommandExecution",
    "DirectoryVersion",
    "Hook",
    "HookDelivery",
    "Identity",
    "Installation",
    "LoginFailure",
    "Node",
    "Organization",
    "Pipeline",
    "PlatformEvent",
    "Project",
    "Resource",
    "ScratchpadEntry",
    "Status",
    "Subscription",
    "Task",
    "TaskStep",
    "Trigger",
]
