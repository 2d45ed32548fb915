"""Who may see what a tail shows. It is asked again as long as the tail is open."""

from dataclasses import dataclass
from typing import Protocol

from eventlane.wire.errors import PermissionDenied, UnknownObject
from events.models import Dataset
from projects.access import projects_of
from projects.authentication import check_in_use
from projects.models import ApiKey


class Access(Protocol):
    """A credential and the dataset that it opens. Equal ones are asked once."""

    def check(self) -> None:
        """Raise the ApiError that a new request would get; needs the database."""


@dataclass(frozen=True, slots=True)
class KeyAccess:
    """That of an API key."""

    api_key_id: str
    dataset_id: str

    def check(self) -> None:
        """Raise UnknownApiKey and the like, PermissionDenied, or UnknownObject."""
        api_key = ApiKey.objects.select_related("account", "organization").filter(pk=self.api_key_id).first()
        if not check_in_use(api_key).may("read"):
            raise PermissionDenied("This API key does not have the right to read.")
        if not Dataset.objects.filter(pk=self.dataset_id, project__in=projects_of(check_in_use(api_key))).exists():
            raise UnknownObject("dataset")
