"""Check everything that Eventlane depends on, and say what is wrong and what to do about it."""

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection as django_connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from eventlane.configuration import MIB, ROOT
from eventlane.embedded_postgres import database_url
from eventlane.free_space import existing, free_bytes
from eventlane.installation import WrongInstallation
from eventlane.one_line import one_line
from eventlane.times import readable_time
from events.journal.reader import Backlog, backlog, creation_time, damaged_files, journal_paths, strange_entries
from events.lake.catalog import dataset_sizes
from events.lake.connection import Lake
from events.lake.damaged_files import known_damage
from events.lake.files import Fault, known_files, set_aside_files, verify
from events.lake.ledger_hours import counted_datasets, differences
from events.lake.orphans import are_too_many, leftovers, lost_rows
from events.models import QuarantinedRequest, SealerIncident, UnreadTimes
from events.syslog.status import addresses, read_status
from pipelines.runtimes.allowed import WHY_REFUSED, may_be_allowed, setting_of, switch_of, why_refused
from projects.api_keys import digest_of
from projects.installation import check_installation, lake_folder
from projects.models import ApiKey, Project

OK, WARNING, PROBLEM = "ok", "warning", "problem"
OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRES = 150000  # the oldest that Eventlane was tried with, as libpq counts
CONNECT_SECONDS = 5
MAX_SKEW_SECONDS = 2.0
NOT_SET_CLOCK = 1_735_689_600  # 2025: no clock that was set shows less
BACKLOG_WARNING_SECONDS = 60.0
BACKLOG_PROBLEM_SECONDS = 3600.0
SHOWN_FILES = 3
FEW_INODES = 1000
LAKE_FULL = "events wait in the journal once it is full"
ROOM_ADVICE = (
    "make room; or shorten a dataset's retention or delete datasets: `manage.py maintain` removes their files, "
    "1 to 2 times EVENTLANE_SNAPSHOT_HOURS later"
)
SHORT_SECRET = 32
ADOPTION_ADVICE = "`manage.py lake verify` lists them; `manage.py lake adopt --all` puts their events back, each once"
MANY_UNREAD, UNREAD_SHARE = 1000, 0.01  # events whose time can't be read, and what share of a dataset's they are
UNREAD_DAYS = 1  # older ones are no news
LATE_MATCH_SECONDS = 60.0  # matches start pipelines within two seconds unless there are very many
MANY_QUEUED = 1000
WORKERS = """
SELECT (SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)),
       count(*) FILTER (WHERE status = 'started'),
       count(*) FILTER (WHERE status = 'created' AND (queued OR parked))
FROM projects_task WHERE status IN ('created', 'started')
"""


TRIGGERS = """
SELECT (SELECT count(*) FROM projects_subscription WHERE connector = 'dataset'),
       (SELECT count(*) FROM projects_pipeline WHERE status = 'created'),
       count(*), coalesce(extract(epoch FROM clock_timestamp() - min(event_time))::float8, 0)
FROM events_triggermatch
"""
WAITING = """
SELECT trigger.name, count(*) FROM events_triggermatch AS match
JOIN projects_resource AS trigger ON trigger.id = match.trigger_id GROUP BY trigger.id, trigger.name ORDER BY 2 DESC
LIMIT 3
"""
LOST = """
SELECT trigger.name, subscription.dropped_events, subscription.suppressed_events
FROM projects_subscription AS subscription JOIN projects_resource AS trigger ON trigger.id = subscription.trigger_id
WHERE subscription.dropped_events + subscription.suppressed_events > 0
ORDER BY 2 DESC, 3 DESC LIMIT 3
"""


AHEAD = """
SELECT dataset.name, sum(received.events)::bigint, max(received.minute)
FROM events_receivedcount AS received JOIN events_dataset AS dataset ON dataset.id = received.dataset_id
WHERE received.minute > now() + make_interval(secs => %s) GROUP BY dataset.id, dataset.name ORDER BY 2 DESC LIMIT 5
"""


@dataclass(frozen=True)
class Finding:
    """The result of a check. `advice` says what to do about it."""

    check: str
    state: str
    message: str
    advice: str = ""


Result = tuple[str, ...]  # a Finding without the name of its check


def examine() -> Iterator[Finding]:
    """Run all checks. A check that crashes is a problem. Without the database, the others still run."""
    for name, check in CHECKS.items():
        yield from _run(name, check)
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(_connect())
        except psycopg.Error as error:
            yield Finding("database", PROBLEM, f"no connection: {one_line(error)}", _database_advice())
            for name in DATABASE_CHECKS:
                yield Finding(name, WARNING, "not checked: this needs the database")
            return
        yield from _run("database", partial(check_database, connection))
        for name, database_check in DATABASE_CHECKS.items():
            yield from _run(name, partial(database_check, connection))


def _run(name: str, check: Callable[[], Iterable[Result]]) -> Iterator[Finding]:
    try:
        for result in check():
            yield Finding(name, *result)
    except Exception as error:
        yield Finding(name, PROBLEM, f"the check failed: {type(error).__name__}: {one_line(error)}")


def _connect() -> "psycopg.Connection[Any]":
    return psycopg.connect(settings.DATABASE_URL, connect_timeout=CONNECT_SECONDS, autocommit=True)


def _database_advice() -> str:
    if database_url(settings.EVENTLANE_HOME) == settings.DATABASE_URL:
        return "the embedded PostgreSQL runs only while Eventlane does: start it with `make run`"
    return "check that PostgreSQL is running and that DATABASE_URL is right"


def check_versions() -> Iterator[Result]:
    """Check Python's version, and all packages against their pins."""
    if sys.version_info < OLDEST_PYTHON:
        yield PROBLEM, f"Python {sys.version.split()[0]} is too old", "install Python 3.11 or newer"
    wrong = [f"{name} {found} instead of {pin}" for name, pin in _pins() if (found := _installed(name)) != pin]
    duckdb = _installed("duckdb")
    if any(_installed(f"duckdb-extension-{name}") != duckdb for name in ("ducklake", "postgres-scanner")):
        advice = "pip install -r requirements.txt; until then DuckDB fetches its extensions from the network"
        yield WARNING, f"DuckDB's extensions don't have DuckDB's version, {duckdb}", advice
    elif wrong:
        yield WARNING, f"packages differ from requirements.txt: {', '.join(wrong)}", "pip install -r requirements.txt"
    else:
        yield OK, f"Python {sys.version.split()[0]}, Django {_installed('Django')}, DuckDB {duckdb}"


def _pins() -> list[tuple[str, str]]:
    return re.findall(r"^([\w-]+)(?:\[.*\])?==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def check_debug() -> Iterator[Result]:
    """Check that stack traces are shown only on a developer's own machine."""
    if not settings.DEBUG:
        yield OK, "off"
        return
    host = settings.EVENTLANE_BIND.rpartition(":")[0]
    state = WARNING if host in ("127.0.0.1", "localhost", "[::1]") else PROBLEM
    yield state, f"on, listening on {host}: the console shows stack traces and settings", "set EVENTLANE_DEBUG=false"


def check_secret_key() -> Iterator[Result]:
    """Check that nobody else can read the key: with it, anyone can sign in as anybody."""
    file = settings.EVENTLANE_HOME / "secret_key"
    if len(settings.SECRET_KEY) < SHORT_SECRET:
        yield WARNING, f"shorter than {SHORT_SECRET} characters", "set EVENTLANE_SECRET_KEY to a long random text"
    elif file.exists() and file.stat().st_mode & 0o077:
        yield PROBLEM, f"{file} can be read by others", f"chmod 600 {file}"
    elif file.exists():
        yield OK, f"{file}, readable by its owner only"
    else:
        yield OK, "set by EVENTLANE_SECRET_KEY" if settings.EVENTLANE_IN_USE else "none yet: the first start creates it"


def check_proxies() -> Iterator[Result]:
    """Check that the limit on logins sees the senders' addresses if there is a proxy in front of the server."""
    if settings.EVENTLANE_PUBLIC_URL.startswith("https://") and not settings.EVENTLANE_PROXIES:
        yield (
            WARNING,
            "EVENTLANE_PUBLIC_URL is https, but no proxy is trusted: every login seems to come from the proxy",
            "set EVENTLANE_PROXIES to how many append to X-Forwarded-For; see docs/operations.md, Logins",
        )
    else:
        yield (
            OK,
            f"EVENTLANE_PROXIES={settings.EVENTLANE_PROXIES}: the number of proxies trusted to name the sender",
        )


def check_journal() -> Iterator[Result]:
    """Check that the journal can be written, is emptied in time, and can be read completely."""
    folder = settings.EVENTLANE_JOURNAL
    if (error := _write_error(folder)) is not None:
        yield (
            PROBLEM,
            f"{folder} can't be written: {error}",
            "events are refused until it can be; check owner, mode and free space",
        )
        return
    yield _backlog_result(backlog(folder))
    if strange := strange_entries(folder):
        advice = "move it elsewhere, unless a newer Eventlane wrote it: that version seals it when you start it again"
        yield WARNING, f"skipped, since these aren't journal files: {_some(strange)}", advice
    if damaged := damaged_files(folder):
        advice = "what could be read is sealed; keep a copy if you want to look for the rest, then delete it"
        yield WARNING, f"could not be read completely: {_some(damaged)}", advice


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


def _some(files: list[tuple[Path, str]]) -> str:
    """Name the first files, each with its reason, and count the rest."""
    text = ", ".join(f"{path} ({reason})" for path, reason in files[:SHOWN_FILES])
    return text if len(files) <= SHOWN_FILES else f"{text} and {len(files) - SHOWN_FILES:,} more"


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


def _incident_result(incident: SealerIncident) -> Result:
    what = f"the journal file {incident.file_name}" if incident.file_name else "anything"
    times = f"since {readable_time(incident.start_time)}, last tried at {incident.latest_time:%H:%M}"
    return (
        WARNING if incident.file_name else PROBLEM,
        f"it can't seal {what} {times}: {incident.error}",
        "the events are safe in the journal, and sealing is retried; fix what the error names",
    )


def check_disk() -> Iterator[Result]:
    """Check that there is enough space to write."""
    folders = {"EVENTLANE_HOME": settings.EVENTLANE_HOME, "journal": settings.EVENTLANE_JOURNAL}
    if _is_folder(settings.EVENTLANE_LAKE_PATH):
        folders["EVENTLANE_LAKE_PATH"] = Path(settings.EVENTLANE_LAKE_PATH)
    by_device = {existing(folder).stat().st_dev: (name, folder) for name, folder in reversed(folders.items())}
    for name, folder in reversed(by_device.values()):
        yield _disk_result(existing(folder), is_lake=name == "EVENTLANE_LAKE_PATH")


def _disk_result(folder: Path, is_lake: bool) -> Result:
    """Judge a disk by the space below which events are refused. If only the lake's disk is full, they wait."""
    inodes = os.statvfs(folder)
    if inodes.f_files and inodes.f_favail < FEW_INODES:
        return PROBLEM, f"{folder}: only {inodes.f_favail} more files can be created", ROOM_ADVICE
    free, least = free_bytes(folder), settings.EVENTLANE_MIN_FREE_MB * MIB
    message, limit = f"{folder}: {free / MIB:,.0f} MiB free", f"EVENTLANE_MIN_FREE_MB={settings.EVENTLANE_MIN_FREE_MB}"
    if free < least:
        effect = LAKE_FULL if is_lake else "events are refused"
        return PROBLEM, f"{message}, less than {limit}: {effect}", ROOM_ADVICE
    if free < 2 * least:
        effect = LAKE_FULL if is_lake else "events are refused below that"
        return WARNING, f"{message}, less than twice {limit}: {effect}", ROOM_ADVICE
    return OK, message


def _is_folder(path: str) -> bool:
    return "://" not in path


def _write_error(folder: Path) -> str | None:
    """Write and sync an unnamed file where `folder` is or will be; return what went wrong."""
    try:
        with tempfile.TemporaryFile(dir=existing(folder)) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return None


def check_database(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that its version works with Django and DuckLake."""
    begin = time.perf_counter()
    (name,) = connection.execute("SHOW server_version").fetchone() or ("?",)
    milliseconds = (time.perf_counter() - begin) * 1000
    if connection.info.server_version < OLDEST_POSTGRES:
        yield PROBLEM, f"PostgreSQL {name} is too old", "use PostgreSQL 15 or newer"
    else:
        yield OK, f"PostgreSQL {name} answers in {milliseconds:.1f} ms"


def check_migrations(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that the tables match this code."""
    executor = MigrationExecutor(django_connection)
    missing = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        yield PROBLEM, f"not applied: {', '.join(missing)}", "run `manage.py set_up` (starting Eventlane does it too)"
    else:
        yield OK, f"all {len(executor.loader.applied_migrations)} applied"


def check_clock(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that our clock agrees with the database's: ids and times are made here, expiry is judged there."""
    advice = "set the clock and keep it right with NTP (timedatectl set-ntp true)"
    begin = time.time()
    (theirs,) = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone() or (0.0,)
    end = time.time()
    skew = max(theirs - end, begin - theirs, 0.0)
    back = _newest_journal_time() - begin
    if begin < NOT_SET_CLOCK:
        yield PROBLEM, f"it shows {time.strftime('%Y-%m-%d', time.gmtime(begin))}: the clock was never set", advice
    elif skew > MAX_SKEW_SECONDS:
        yield PROBLEM, f"{skew:.1f} s apart from the database's", advice
    elif back > MAX_SKEW_SECONDS:
        yield PROBLEM, f"the clock was set back: the newest journal file was created {back:.0f} s in the future", advice
    else:
        yield OK, f"{skew:.3f} s apart from the database's"
    if connection.execute("SELECT to_regclass('events_receivedcount')").fetchone() == (None,):
        return  # a database that was never set up
    for dataset, events, latest in connection.execute(AHEAD, [settings.EVENTLANE_CLOCK_TOLERANCE_SECONDS]):
        yield (
            WARNING,
            f"the clock was fast: {events:,} events of {dataset} are dated up to {readable_time(latest)}",
            "until then, `tail` leaves them out but the API shows them; their retention also starts then",
        )


def _newest_journal_time() -> float:
    return max((creation_time(path.stem) for path in journal_paths(settings.EVENTLANE_JOURNAL)), default=0.0)


def check_lake(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that DuckDB can open it, its files can be written, and nothing is in quarantine."""
    path = settings.EVENTLANE_LAKE_PATH
    if _is_folder(path) and (error := _write_error(Path(path))) is not None:
        yield (
            PROBLEM,
            f"{path} can't be written: {error}",
            "nothing is sealed until it can be; check owner, mode and free space",
        )
        return
    with Lake(read_only=True) as lake:
        if not lake.attached:
            yield OK, f"{path}: nothing has been sealed yet"
            return
        [(quarantined, reason)] = lake.execute(
            "SELECT count(*), arg_max(reason, quarantined_time) FROM lake.main.quarantine"
        )
    requests = list(requests_in_quarantine())
    yield from requests
    if quarantined:
        yield (
            WARNING,
            f"{path}: {quarantined:,} entries in quarantine, the latest because: {reason}",
            "`manage.py quarantine list` shows them; `quarantine retry` stores what can be stored again",
        )
    elif not requests:
        yield OK, f"{path}: it can be opened, and the quarantine is empty"


def requests_in_quarantine() -> Iterator[Result]:
    """Warn about requests that were refused again and again."""
    newest = QuarantinedRequest.objects.order_by("-creation_time").defer("body").first()
    if newest:
        count = QuarantinedRequest.objects.count()
        yield (
            WARNING,
            f"{count:,} requests in quarantine, the latest because: {newest.reason}",
            "`manage.py quarantine list` shows them; `quarantine retry` stores what can be stored now",
        )


def check_installation_marks(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that home, journal, lake and database belong to one installation."""
    try:
        check_installation()
    except WrongInstallation as error:
        yield (
            PROBLEM,
            one_line(error),
            "nothing is written until they match; see docs/operations.md, What belongs together",
        )
    else:
        yield OK, "home, journal, lake and database belong together"


def check_lake_files(_: object) -> Iterator[Result]:
    """Check that every file in the catalog exists and can be opened, and that every file is in the catalog."""
    folder = lake_folder()
    if folder is None:
        yield OK, f"{settings.EVENTLANE_LAKE_PATH} isn't a folder, so its files aren't checked"
        return
    faults = list(verify(folder))
    results = [*_damage_results(faults), *_unknown_results(folder, faults)]
    yield from results
    if not results:
        yield OK, "every file in the catalog is there, and every file is in the catalog"


def _damage_results(faults: list[Fault]) -> Iterator[Result]:
    """Name the files that can't be read, including those that only a reader found."""
    used = {file.path for file in known_files() if file.in_use}
    lost = {file.path: file.reason for file in known_damage() if file.path in used}
    lost |= {fault.path: fault.reason for fault in faults if fault.state in ("missing", "damaged")}
    if lost:
        named = _some([(Path(path), reason) for path, reason in sorted(lost.items())])
        advice = (
            "all other events can still be read. Put the files back from a backup, or give them up with "
            "`manage.py lake forget FILE`; `manage.py lake verify` names all of them"
        )
        yield PROBLEM, f"{len(lost):,} files are missing or damaged: {named}", advice


def _unknown_results(folder: Path, faults: list[Fault]) -> Iterator[Result]:
    with Lake(read_only=True) as lake:
        lost = lost_rows(lake, folder, datetime.now(UTC)) if lake.attached else {}
    if lost:
        named = _some([(Path(path), f"{rows:,} events") for path, rows in lost.items()])
        message = f"{len(lost):,} files have events that the catalog has lost: {named}"
        yield PROBLEM, message, "`manage.py lake adopt FILE` puts their events back, each once"
    others = sum(fault.state == "unknown" and fault.path not in lost for fault in faults)
    if others:
        yield WARNING, f"{others:,} files are unknown to the catalog{_left_alone(folder)}", ADOPTION_ADVICE
    if aside := len(set_aside_files(folder)):
        message = f"{aside:,} unknown files are set aside, for {settings.EVENTLANE_ORPHAN_DAYS} days"
        yield WARNING, message, ADOPTION_ADVICE


def _left_alone(folder: Path) -> str:
    too_many = are_too_many(leftovers(folder, datetime.now(UTC)))
    return ": too many or too large for maintenance to touch them" if too_many else ""


def check_event_times(_: object) -> Iterator[Result]:
    """Check that the times of events can be read: the replies to their senders don't tell."""
    lately = timezone.now() - timedelta(days=UNREAD_DAYS)
    counted = UnreadTimes.objects.filter(latest_time__gt=lately, events__gte=MANY_UNREAD).select_related("dataset")
    rows = sorted(counted, key=lambda row: (-row.events, row.dataset_id))
    sizes = dataset_sizes([row.dataset.table_name for row in rows])
    many = [row for row in rows if row.events >= UNREAD_SHARE * sizes[row.dataset.table_name][0]]
    if not many:
        yield OK, "no dataset lately got many events whose time can't be read"
        return
    listed = ", ".join(f"{row.dataset} {row.events:,} until {readable_time(row.latest_time)}" for row in many[:5])
    yield (
        WARNING,
        f"events whose time can't be read, by dataset: {listed}",
        "they have their time of receipt instead; docs/fields.md says which times are understood",
    )


def check_workers(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that someone runs tasks and timers."""
    [workers, running, waiting] = connection.execute(WORKERS, [settings.EVENTLANE_TASK_LOST_SECONDS]).fetchone() or []
    if workers:
        yield OK, f"{workers} running, with {running} tasks; {waiting} tasks are waiting"
    else:
        yield (
            WARNING,
            f"none is running: timers don't tick, and {waiting} tasks wait",
            "run `manage.py work`, or `up` with EVENTLANE_WORKER_PROCESSES of at least 1",
        )


def check_triggers(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that matches of triggers soon become pipelines, and that these start."""
    [triggers, queued, waiting, oldest] = connection.execute(TRIGGERS).fetchone() or []
    message = f"{triggers} on datasets, {waiting:,} matching events wait"
    if waiting:
        names = ", ".join(f"{name} {count:,}" for name, count in connection.execute(WAITING))
        message += f" ({names}), the oldest for {timedelta(seconds=round(oldest))}"
    message += f"; {queued:,} pipelines are queued"
    for name, dropped, suppressed in connection.execute(LOST):
        message += f"; {name}: {dropped:,} dropped, {suppressed:,} over its rate limit"
    if oldest > LATE_MATCH_SECONDS or queued > MANY_QUEUED:
        advice = "to stop a storm, disable its trigger in the console, then `manage.py abort --queued --trigger NAME`"
        yield WARNING, message, advice
    else:
        yield OK, message


def check_syslog(_: object) -> Iterator[Result]:
    """Check that the listener for syslog runs if it is wanted, and that its key lets its lines in."""
    if not (places := addresses()):
        yield OK, "not listening"
        return
    status = read_status()
    if wrong := _syslog_key_problem():
        advice = "set EVENTLANE_SYSLOG_KEY to one that `manage.py create_api_key syslog --rights ingest` makes"
        yield PROBLEM, f"EVENTLANE_SYSLOG_KEY {wrong}: lines wait, and those over UDP get lost", advice
    elif status is None:
        yield PROBLEM, f"nothing listens on {' and '.join(places)}", "see the log of `manage.py up` for its reason"
    elif status.dropped or status.refused:
        lost = f"{status.dropped:,} lines over UDP were dropped and {status.refused:,} refused since the start"
        yield WARNING, lost, "the log says why; EVENTLANE_SYSLOG_UDP_LINES may wait, and over TCP senders wait"
    else:
        waiting = f"{status.received:,} lines received since the start, {status.waiting:,} of them wait"
        yield OK, f"listening on {' and '.join(places)}: {waiting}"


def _syslog_key_problem() -> str:
    """Say what is wrong with the key of the listener; "" if nothing is."""
    if not settings.EVENTLANE_SYSLOG_KEY:
        return "is missing"
    keys = ApiKey.objects.select_related("account", "project")
    known = keys.filter(digest=digest_of(settings.EVENTLANE_SYSLOG_KEY)).first()
    if known is None:
        return "is unknown"
    status = known.status(timezone.now())
    if status != "active":
        return f"has {status}" if status == "expired" else f"was {status}"
    if not known.account.is_active:
        return "belongs to a disabled account"
    if not known.ingest:
        return "may not ingest"
    name = settings.EVENTLANE_SYSLOG_DATASET
    if not known.project or known.project.create_datasets or known.project.datasets.filter(name=name).exists():
        return ""
    return f"reaches no dataset {name!r}"


def check_tasks(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that tasks which projects enable can run, isolated from the server's own files."""
    runtimes = [runtime for runtime in WHY_REFUSED if Project.objects.filter(**{switch_of(runtime): True}).exists()]
    if not runtimes:
        yield OK, "no project runs tasks on the workers themselves"
    yield from map(check_runtime, runtimes)


def check_runtime(runtime: str) -> Result:
    """Check that tasks of an enabled runtime are neither refused nor run without isolation."""
    if not may_be_allowed(runtime):
        advice = f"set {setting_of(runtime)}=true, or disable the runtime on the projects' pages"
        return PROBLEM, f"projects allow {runtime} tasks that this server refuses ({setting_of(runtime)})", advice
    if reason := why_refused(runtime):
        return PROBLEM, f"a worker on this machine refuses {runtime} tasks: {reason}", "see docs/tasks.md"
    if runtime == "local" and settings.EVENTLANE_TASK_ISOLATION == "none":
        advice = "install bubblewrap and unset EVENTLANE_TASK_ISOLATION, unless you trust whoever deploys"
        return WARNING, "local tasks aren't isolated (EVENTLANE_TASK_ISOLATION=none)", advice
    return OK, f"{runtime} tasks are isolated from the server"


CHECKS: dict[str, Callable[[], Iterator[Result]]] = {
    "versions": check_versions,
    "debug": check_debug,
    "secret key": check_secret_key,
    "proxies": check_proxies,
    "disk": check_disk,
    "journal": check_journal,
}
DATABASE_CHECKS: dict[str, Callable[["psycopg.Connection[Any]"], Iterator[Result]]] = {
    "migrations": check_migrations,
    "clock": check_clock,
    "installation": check_installation_marks,
    "lake": check_lake,
    "lake files": check_lake_files,
    "sealer": check_sealer,
    "ledger": check_ledger,
    "event times": check_event_times,
    "workers": check_workers,
    "triggers": check_triggers,
    "syslog": check_syslog,
    "tasks": check_tasks,
}
