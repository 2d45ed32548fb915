"""Seal a journal file despite bad events, which go into quarantine in the same transaction."""

import re
import time

import duckdb
from django.conf import settings

from events.journal import JournalFile
from events.lake.connection import Lake
from events.lake.culprits import LakeUnwell, Step, check_lake, find_bad_events, storable_reason_of
from events.lake.quarantine import entries, put_back
from events.lake.reasons import reason_of
from events.lake.seal import Refusal, Refused, Sealed, read_parts, seal_files

NOT_A_TABLES_FAULT = (duckdb.IOException, duckdb.OutOfMemoryException)
# What DuckLake says of a connection that PostgreSQL ended; nothing else makes a ROLLBACK fail. No event's text is taken
# for this, since the events were stored in a trial before a table is blamed.
LOST_CONNECTION = re.compile('server closed the connection|terminating connection|no connection|query "ROLLBACK"')


def seal_without_culprits(lake: Lake, file: JournalFile, step: Step) -> Sealed:
    """Seal a claimed file that can't be sealed as it is. What is at fault goes into quarantine.

    `step` is called after each attempt. Raises LakeUnwell, and if nothing is found to be at fault, whatever sealing
    raises.
    """
    refused = Refused(find_bad_events(lake, file, step))
    try:
        return seal_files(lake, [file], refused)
    except duckdb.Error as error:
        _check_blame(lake, error)
    return _seal_without_datasets(lake, file, refused, step)


def _seal_without_datasets(lake: Lake, file: JournalFile, refused: Refused, step: Step) -> Sealed:
    """Seal a file whose events are good but which fails nevertheless, without the datasets whose tables must be bad."""
    end = time.monotonic() + settings.EVENTLANE_SEAL_SEARCH_SECONDS
    try:
        return seal_files(lake, [file], refused)  # it may have been a temporary failure
    except duckdb.Error as error:
        _check_blame(lake, error)
        refusal = Refusal(f"its dataset's table can't be written: {storable_reason_of(error)}")
    datasets = _datasets(file)
    for dataset_id in datasets:
        step()
        try:
            return seal_files(lake, [file], Refused(refused.events, {dataset_id: refusal}))
        except duckdb.Error as error:
            _check_blame(lake, error)
        if time.monotonic() > end:
            break
    return _seal_with_all_aside(lake, file, Refused(refused.events, dict.fromkeys(datasets, refusal)), step)


def _seal_with_all_aside(lake: Lake, file: JournalFile, refused: Refused, step: Step) -> Sealed:
    """Put all events of a file into quarantine and those of good tables back: more than one table is bad.

    If killed in between, good events stay in quarantine, where doctor reports them.
    """
    step()
    before = {entry.id for dataset_id in refused.datasets for entry in entries(lake, dataset_id)}
    sealed = seal_files(lake, [file], refused)
    new = (entry for dataset_id in refused.datasets for entry in entries(lake, dataset_id) if entry.id not in before)
    back = put_back(lake, [entry for entry in new if entry.id.bytes not in refused.events], step)
    sealed.events += back.events
    sealed.quarantined -= back.events
    return sealed


def _check_blame(lake: Lake, error: duckdb.Error) -> None:
    """Raise LakeUnwell or the error itself, unless a table may be at fault."""
    check_lake(lake)
    if LOST_CONNECTION.search(str(error)):  # maybe of each connection in DuckLake's pool, one after the other
        raise LakeUnwell(reason_of(error)) from error
    if isinstance(error, NOT_A_TABLES_FAULT):
        raise error


def _datasets(file: JournalFile) -> list[str]:
    return list({batch.dataset_id: None for part in read_parts([file]) for batch in part.batches})
