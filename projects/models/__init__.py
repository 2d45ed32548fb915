from projects.models.account import Account
from projects.models.api_key import ApiKey
from projects.models.directory import DirectoryVersion
from projects.models.installation import Installation, Node
from projects.models.login import LoginFailure
from projects.models.organization import Organization
from projects.models.project import Project

__all__ = [
    "Account",
    "ApiKey",
    "DirectoryVersion",
    "Installation",
    "LoginFailure",
    "Node",
    "Organization",
    "Project",
]
