"""Check the way of events from the journal into the lake."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings

from eventlane.configuration import MIB
from eventlane.times import readable_time
from events.doctor.finding import OK, PROBLEM, SHOWN_FILES, WARNING, Result, some
from events.doctor.machine import write_error
from events.journal.reader import Backlog, backlog, damaged_files, journal_paths, strange_entries
from events.lake.ledger_hours import counted_datasets, differences
from events.models import SealerIncident

BACKLOG_WARNING_SECONDS = 60.0
BACKLOG_PROBLEM_SECONDS = 3600.0


def check_journal() -> Iterator[Result]:
    """Check that the journal can be written, is emptied in time, and can be read completely."""
    folder = settings.EVENTLANE_JOURNAL
    if (error := write_error(folder)) is not None:
        yield (
            PROBLEM,
            f"{folder} can't be written: {error}",
            "events are refused until it can be; check owner, mode and free space",
        )
        return
    yield _backlog_result(backlog(folder))
    if strange := strange_entries(folder):
        advice = "move it elsewhere, unless a newer Eventlane wrote it: that version seals it when you start it again"
        yield WARNING, f"skipped, since these aren't journal files: {some(strange)}", advice
    if damaged := damaged_files(folder):
        advice = "what could be read is sealed; keep a copy if you want to look for the rest, then delete it"
        yield WARNING, f"could not be read completely: {some(damaged)}", advice


def _backlog_result(waiting: Backlog) -> Result:
    message = f"{settings.EVENTLANE_JOURNAL}: {waiting.files} files, {waiting.bytes / MIB:.1f} MiB to be sealed"
    if waiting.oldest_seconds <= _late_seconds():
        return OK, message
    message += f", the oldest for {timedelta(seconds=round(waiting.oldest_seconds))}"
    return _late_state(waiting), message, "nothing is lost; see under `sealer` why it isn't sealed"


def _late_seconds() -> float:
    return max(BACKLOG_WARNING_SECONDS, 10 * settings.EVENTLANE_JOURNAL_MAX_AGE_SECONDS)


def _late_state(waiting: Backlog) -> str:
    return PROBLEM if waiting.oldest_seconds > BACKLOG_PROBLEM_SECONDS else WARNING


def check_sealer(_: object) -> Iterator[Result]:
    """Check that this node's sealer empties the journal, and say why if it doesn't."""
    incidents = SealerIncident.objects.filter(node=settings.EVENTLANE_NODE, end_time=None).order_by("start_time")
    files = {path.stem for path in journal_paths(settings.EVENTLANE_JOURNAL)}
    lasting = [incident for incident in incidents if not incident.file_name or incident.file_name in files]
    for incident in lasting[:SHOWN_FILES]:
        yield _incident_result(incident)
    waiting = backlog(settings.EVENTLANE_JOURNAL)
    if lasting:
        return  # a backlog is to be expected then
    if waiting.oldest_seconds > _late_seconds():
        advice = "start Eventlane (or run `manage.py seal`), or see its log"
        yield _late_state(waiting), "it reports no failure but seals nothing: it doesn't run, or it hangs", advice
    else:
        yield OK, "nothing waits for long, and no failure is reported"


def _incident_result(incident: SealerIncident) -> Result:
    what = f"the journal file {incident.file_name}" if incident.file_name else "anything"
    times = f"since {readable_time(incident.start_time)}, last tried at {incident.latest_time:%H:%M}"
    return (
        WARNING if incident.file_name else PROBLEM,
        f"it can't seal {what} {times}: {incident.error}",
        "the events are safe in the journal, and sealing is retried; fix what the error names",
    )


def check_ledger(_: object) -> Iterator[Result]:
    """Check that of all accepted events it is known what became of them, as maintenance last found."""
    found = differences(counted_datasets())
    for difference in found:
        yield (
            PROBLEM,
            f"{difference}, received from {readable_time(difference.first_hour)} on",
            "`manage.py ledger` says in which hours; see docs/operations.md, The ledger",
        )
    if not found:
        yield OK, "of all accepted events it is known what became of them"
