"""Find the dataset of a request and note its namespace, without a database query each time."""

from dataclasses import dataclass

from django.conf import settings

from eventlane.names import is_name
from events.models import RESERVED, Dataset
from events.namespaces import create_namespaces
from projects.directory import KnownKey, NotRemembered, directory


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """What a request needs to know about a dataset."""

    id: str
    default_namespace: str


def find_dataset(key: KnownKey, name: str, ask: bool, make: bool = False) -> KnownDataset | None:
    """Return the dataset with this name in the key's project, creating it if `make` is set or the project allows that.

    None is created beyond EVENTLANE_MAX_CREATED_DATASETS; requests at the same time may overshoot that by a few.
    Raises NotRemembered if it would have to ask the database but `ask` isn't set.
    """
    if not is_name(name):
        return None
    project_id = key.project_id
    found = directory.get(("dataset", project_id, name), lambda: _load_dataset(project_id, name), ask)
    if found is None and name not in RESERVED and (make or key.create_datasets):
        if not ask:
            raise NotRemembered
        if Dataset.objects.filter(project_id=project_id).count() >= settings.EVENTLANE_MAX_CREATED_DATASETS:
            return None
        Dataset.objects.get_or_create(project_id=project_id, name=name)
        directory.forget_missing()
        return _load_dataset(project_id, name)
    return found


def known_dataset(key: KnownKey, name: str) -> KnownDataset | None:
    """Return the dataset with this name in the key's project, if there is one; may ask the database."""
    return directory.get(("dataset", key.project_id, name), lambda: _load_dataset(key.project_id, name))


def _load_dataset(project_id: str | None, name: str) -> KnownDataset | None:
    dataset = Dataset.objects.filter(project_id=project_id, name=name).first()
    return KnownDataset(dataset.id, dataset.default_namespace) if dataset else None


class NewNamespaces:
    """Collects new namespaces, for which the directory's thread creates rows.

    Nothing is lost if the process dies first, or if too many wait while the database is away: the sealer creates rows,
    too, for what it seals.
    """

    def __init__(self, most: int = 100_000) -> None:
        """Remember somewhat more than `most` written namespaces, and let at most `most` wait."""
        self._most = most
        self._seen: set[tuple[str, str]] = set()
        self._new: set[tuple[str, str]] = set()

    def note(self, dataset_id: str, namespace: str) -> None:
        """Record that the dataset has events of this namespace."""
        if (dataset_id, namespace) not in self._seen and len(self._new) < self._most:
            self._new.add((dataset_id, namespace))

    def write(self) -> None:
        """Create the missing rows."""
        pairs = self._new.copy()
        if not pairs:
            return
        create_namespaces(pairs)
        if len(self._seen) > self._most:
            self._seen.clear()
        self._seen |= pairs
        self._new -= pairs


new_namespaces = NewNamespaces()
directory.add_periodic_task(new_namespaces.write)
