"""Check what works beside the web server: workers, triggers, the listener for syslog, tasks."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.utils import timezone

from events.doctor.finding import OK, PROBLEM, WARNING, Result
from events.syslog.status import addresses, read_status
from pipelines.runtimes.allowed import WHY_REFUSED, may_be_allowed, setting_of, switch_of, why_refused
from projects.api_keys import digest_of
from projects.models import ApiKey, Project

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
