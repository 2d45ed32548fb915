"""Check whether a set of specs can be deployed: each spec by itself, and their references.

References are resolved within the set, since it becomes all that the project's deployments made (docs/api/v0.md,
section 5.5). One that a person saves may refer to whatever the project has.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from eventlane.wire.errors import InvalidRequestBody, Problem
from pipelines.connectors import subscription_problems
from pipelines.models import Identity, Resource
from pipelines.resources.added import ADDED, Reference
from pipelines.resources.kinds import spec as spec_shape
from pipelines.resources.parameters import check_values
from pipelines.resources.shapes import Problems, holds_at_most, refuse, storable

Spec = dict[str, Any]
Named = Mapping[tuple[str, str], Spec]  # specs by type and name; of duplicates, the first

EXPRESSIONS = {"matches", "does_not_match"}
KNOWN_TYPES = frozenset(Resource.Type.values)


def check_specs(specs: Any, *, identities: Mapping[str, Identity]) -> list[Spec]:
    """Return the specs as stored, with all defaults filled in.

    Raises InvalidRequestBody with all problems of all specs, in order, at /specs/N/…, or with MAX_PROBLEMS.
    """
    if not isinstance(specs, list):
        raise InvalidRequestBody([Problem("/specs", "must be an array")])
    if not holds_at_most(settings.EVENTLANE_MAX_DEPLOYED_VALUES, specs):
        most = f"{settings.EVENTLANE_MAX_DEPLOYED_VALUES} values (EVENTLANE_MAX_DEPLOYED_VALUES)"
        raise InvalidRequestBody([Problem("/specs", f"must have at most {most}, all specs together")])
    problems = Problems()
    kept = [_check_alone(one, f"/specs/{index}", problems) for index, one in enumerate(specs)]
    _check_triggers(kept, problems)
    _check_limits(kept, problems)
    named = _by_name(specs, kept, problems)
    for index, one in enumerate(kept):
        _References(named, identities, problems).check(one, f"/specs/{index}")
    if problems:
        raise InvalidRequestBody(sorted(problems, key=_position))
    return kept


def check_saved(spec: Any, *, others: Named, identities: Mapping[str, Identity]) -> Spec:
    """Return one spec as stored, with all defaults filled in. Its references are looked up in `others`.

    Raises InvalidRequestBody with all problems; pointers begin at the spec.
    """
    if not holds_at_most(settings.EVENTLANE_MAX_DEPLOYED_VALUES, spec):
        most = f"{settings.EVENTLANE_MAX_DEPLOYED_VALUES} values (EVENTLANE_MAX_DEPLOYED_VALUES)"
        raise InvalidRequestBody([Problem("", f"must have at most {most}")])
    problems = Problems()
    kept = _check_alone(spec, "", problems)
    _References(others, identities, problems).check(kept, "")
    if _is_one_too_many(kept, others):
        problems.append(_too_many(kept["type"], ""))
    if problems:
        raise InvalidRequestBody(problems)
    return kept


def _check_triggers(kept: list[Any], problems: Problems) -> None:
    """Refuse more triggers and expressions than allowed: each costs time for every event it listens to."""
    triggers = [(index, one) for index, one in enumerate(kept) if one and one.get("type") == "trigger"]
    most = settings.EVENTLANE_MAX_TRIGGERS
    for index, _ in triggers[most:]:
        problems.append(Problem(f"/specs/{index}", f"a project may have {most} triggers (EVENTLANE_MAX_TRIGGERS)"))
    expressions, most = 0, settings.EVENTLANE_MAX_EXPRESSIONS
    for index, trigger in triggers:
        filters = (trigger.get("data") or {}).get("filters") or []
        expressions += sum(len(one.keys() & EXPRESSIONS) for one in filters if one)  # None: it has problems of its own
        if expressions > most:
            reason = f"the triggers of a project may have {most} regular expressions (EVENTLANE_MAX_EXPRESSIONS)"
            problems.append(Problem(f"/specs/{index}/data/filters", reason))


def _check_limits(kept: list[Any], problems: Problems) -> None:
    """Refuse more specs of a kind than allowed."""
    for kind in [kind for kind, added in ADDED.items() if added.limit]:
        places = [index for index, one in enumerate(kept) if one and one.get("type") == kind]
        problems += [_too_many(kind, f"/specs/{index}") for index in places[_most(kind) :]]


def _most(kind: str) -> int:
    """Return how many of a kind with a limit a project may have."""
    most: int = getattr(settings, ADDED[kind].limit)
    return most


def _too_many(kind: str, pointer: str) -> Problem:
    return Problem(pointer, f"a project may have {_most(kind)} {kind}s ({ADDED[kind].limit})")


def _is_one_too_many(spec: Spec, others: Named) -> bool:
    """Return whether a project with these others may not have this one, too."""
    key = _key(spec)
    if key is None or key in others or key[0] not in ADDED or not ADDED[key[0]].limit:
        return False
    return sum(kind == key[0] for kind, _ in others) >= _most(key[0])


def _position(problem: Problem) -> int:
    """Return the index of the spec with the problem."""
    return int(problem.pointer.split("/", 3)[2])


def _check_alone(spec: Any, pointer: str, problems: list[Problem]) -> Spec:
    """Return the valid parts of a spec."""
    before = len(problems)
    problems += storable(spec, pointer)
    if len(problems) > before:  # checking its members further could fail
        return {}
    return spec_shape(spec, pointer, problems) or {}


def _by_name(specs: list[Any], kept: list[Spec], problems: list[Problem]) -> Named:
    """Return specs by type and name. One with problems is included, so references to it aren't reported as well."""
    named: dict[tuple[str, str], Spec] = {}
    places: dict[tuple[str, str], int] = {}
    for index, spec in enumerate(specs):
        key = _key(spec)
        if key in named:
            refuse(problems, f"/specs/{index}/name", f"spec {places[key]} is a {key[0]} of the same name")
        elif key:
            named[key], places[key] = kept[index], index
    return named


def _key(spec: Any) -> tuple[str, str] | None:
    """Return type and name, or None if nothing can refer to it."""
    kind, name = (spec.get("type"), spec.get("name")) if isinstance(spec, dict) else (None, None)
    return (kind, name) if isinstance(kind, str) and isinstance(name, str) and kind in KNOWN_TYPES else None


class _References:
    """The references of a spec. The spec has been checked by itself: invalid parts are absent or None."""

    def __init__(self, named: Named, identities: Mapping[str, Identity], problems: list[Problem]) -> None:
        self.named = named
        self.identities = identities
        self.problems = problems

    def check(self, spec: Spec, pointer: str) -> None:
        """Report every reference that leads nowhere."""
        data, pointer = spec.get("data"), f"{pointer}/data"
        match spec.get("type") if data is not None else None:
            case "trigger":
                self._check_trigger(data, pointer)
            case "command":
                self._check_pipelines(data, pointer)
            case "task":
                self._check_task(data, pointer)
            case "pipeline":
                self._check_pipeline(data, pointer)
            case str() as kind if kind in ADDED:
                for reference in ADDED[kind].references(data):
                    self._check_reference(reference, pointer)

    def _check_reference(self, reference: Reference, pointer: str) -> None:
        place = pointer + reference.pointer
        if reference.kind == "identity":
            self._check_identity(reference.name, place)
        else:
            self._check_resource(reference.kind, reference.name, place)

    def _check_trigger(self, data: Any, pointer: str) -> None:
        if {"connector", "event", "parameters"} <= data.keys():
            self.problems += subscription_problems(data["connector"], data["event"], data["parameters"], pointer)
        self._check_identity(data.get("identity"), f"{pointer}/identity")
        self._check_pipelines(data, pointer)

    def _check_pipelines(self, data: Any, pointer: str) -> None:
        for index, name in enumerate(data.get("pipelines", ())):
            self._check_resource("pipeline", name, f"{pointer}/pipelines/{index}")
        self._check_once(data.get("pipelines", ()), f"{pointer}/pipelines")

    def _check_task(self, data: Any, pointer: str) -> None:
        parameters = data.get("runtime", {}).get("parameters", {})
        registries = parameters.get("registry_identities", ())
        self._check_identities(data.get("identities", ()), f"{pointer}/identities")
        self._check_identities(registries, f"{pointer}/runtime/parameters/registry_identities")
        containers = [container and container.get("name") for container in parameters.get("extra_containers", ())]
        self._check_once(containers, f"{pointer}/runtime/parameters/extra_containers", "/name")

    def _check_pipeline(self, data: Any, pointer: str) -> None:
        tasks = [task or {} for task in data.get("tasks", ())]
        for index, task in enumerate(tasks):
            self._check_pipeline_task(task, f"{pointer}/tasks/{index}")
        self._check_once([task.get("name") for task in tasks], f"{pointer}/tasks", "/name")
        self._check_dependencies(tasks, f"{pointer}/tasks")

    def _check_pipeline_task(self, task: Spec, pointer: str) -> None:
        if "task" not in task:
            return
        self._check_resource("task", task["task"], f"{pointer}/task")
        definition = self.named.get(("task", task["task"]), {})
        parameters = definition.get("data", {}).get("parameters")
        if parameters is not None and "parameters" in task and all(map(_is_whole, parameters)):
            given = task["parameters"]
            values, problems = check_values(parameters, given, f"{pointer}/parameters")
            self.problems += problems
            task["parameters"] = {name: values.get(name, value) for name, value in given.items()}  # 7.0 is kept as 7

    def _check_dependencies(self, tasks: list[Spec], pointer: str) -> None:
        names = {task.get("name"): index for index, task in enumerate(tasks) if task.get("name")}
        for index, task in enumerate(tasks):
            place = f"{pointer}/{index}/dependencies"
            wanted = task.get("dependencies", ())
            for position, name in enumerate(wanted):
                if name is not None and name not in names:
                    refuse(
                        self.problems,
                        f"{place}/{position}",
                        f"no entry of this pipeline has the `name` {_quoted(name)}",
                    )
                elif name is not None and names[name] == index:
                    refuse(self.problems, f"{place}/{position}", "a task can't depend on itself")
            self._check_once(wanted, place)
        graph = [{names[name] for name in task.get("dependencies", ()) if name in names} for task in tasks]
        for index in _in_circles(graph):
            refuse(self.problems, f"{pointer}/{index}/dependencies", "the dependencies form a circle")

    def _check_identities(self, names: Iterable[str | None], pointer: str) -> None:
        for index, name in enumerate(names):
            self._check_identity(name, f"{pointer}/{index}")
        self._check_once(names, pointer)

    def _check_identity(self, name: str | None, pointer: str) -> None:
        if name is not None and name not in self.identities:
            refuse(self.problems, pointer, f"the project has no identity {_quoted(name)}")

    def _check_resource(self, kind: str, name: str | None, pointer: str) -> None:
        if name is not None and (kind, name) not in self.named:
            refuse(self.problems, pointer, f"there is no {kind} {_quoted(name)} among the specs")

    def _check_once(self, names: Iterable[str | None], pointer: str, member: str = "") -> None:
        """Report every name that occurred before."""
        seen = set()
        for index, name in enumerate(names):
            if name is not None and name in seen:
                refuse(self.problems, f"{pointer}/{index}{member}", f"{_quoted(name)} is there more than once")
            seen.add(name)


def _is_whole(parameter: Spec | None) -> bool:
    """Return whether values can be checked against a definition."""
    return parameter is not None and {"name", "type"} <= parameter.keys()


def _quoted(name: str) -> str:
    return repr(name[:100])


def _in_circles(graph: list[set[int]]) -> list[int]:
    """Return the nodes in circles: repeatedly remove nodes without dependencies or dependents."""
    backwards: dict[int, set[int]] = defaultdict(set)
    for node, needed in enumerate(graph):
        needed.discard(node)
        for other in needed:
            backwards[other].add(node)
    forwards = dict(enumerate(graph))
    return sorted(_peel(_peel(set(forwards), forwards, backwards), backwards, forwards))


def _peel(nodes: set[int], needs: Mapping[int, set[int]], needed_by: Mapping[int, set[int]]) -> set[int]:
    """Return what remains after repeatedly removing nodes that need none of the others."""
    left = set(nodes)
    waits_for = {node: len(needs.get(node, set()) & left) for node in left}
    free = [node for node in left if not waits_for[node]]
    while free:
        node = free.pop()
        left.discard(node)
        for other in needed_by.get(node, set()) & left:
            waits_for[other] -= 1
            if not waits_for[other]:
                free.append(other)
    return left
