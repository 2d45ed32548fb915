"""All settings of Eventlane, one row each, read from the environment at startup.

A row's name is both the environment variable and the Django setting. docs/configuration.md is generated from
this table (`python manage.py configuration`); a test compares the two. An invalid value stops the start
and the message names the variable.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

KIB = 1024
MIB = 1024 * KIB
NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class InvalidSetting(ValueError):
    """An environment variable has a value that its setting can't take."""


@dataclass(frozen=True)
class Setting:
    """One setting. `default` is written as it would be in the environment."""

    name: str
    default: str
    read: Callable[[str], Any]
    unit: str
    meaning: str
    group: str

    def value(self, environ: Mapping[str, str]) -> Any:
        """Return the value in `environ`, or the default; raise InvalidSetting naming the variable."""
        text = environ.get(self.name, "") or self.default
        try:
            return self.read(text)
        except ValueError as error:
            raise InvalidSetting(f"{self.name}={text!r}: {error}") from None


def at_least(minimum: int) -> Callable[[str], int]:
    """Return a parser for whole numbers of at least `minimum`."""

    def read(text: str) -> int:
        number = int(text.replace("_", ""))
        if number < minimum:
            raise ValueError(f"must be at least {minimum}")
        return number

    return read


def seconds(text: str) -> float:
    """Parse a positive number of seconds; fractions are allowed."""
    number = float(text)
    if number <= 0:
        raise ValueError("must be more than 0")
    return number


def boolean(text: str) -> bool:
    """Parse `true` or `false` and nothing else: a typo must not silently switch something off."""
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def words(text: str) -> list[str]:
    """Parse a comma-separated list."""
    return [word.strip() for word in text.split(",") if word.strip()]


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Parse a comma-separated list of networks like 10.0.0.0/8."""
    return [ip_network(word) for word in words(text)]


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser that accepts one of these words."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return read


def node_name(text: str) -> str:
    """Parse a node's name, or an empty text. The name becomes part of file names and is stored in the lake."""
    if text and not NODE_NAME.fullmatch(text):
        raise ValueError(
            "must be 1 to 100 of the letters a to z and A to Z, digits, - _ and ., beginning with a letter or a digit"
        )
    return text


def machine(text: str) -> tuple[float, int]:
    """Parse CPUs:MB, the resources of a container."""
    cpus, colon, megabytes = text.partition(":")
    if not colon or float(cpus) <= 0 or int(megabytes) < 16:
        raise ValueError("must be CPUs:MB, like 0.5:1024")
    return float(cpus), int(megabytes)


def rate(text: str) -> tuple[int, float] | None:
    """Parse NUMBER:SECONDS, a limit within a window of so many seconds; return None for `none`."""
    if text == "none":
        return None
    events, colon, window = text.partition(":")
    if not colon:
        raise ValueError("must be NUMBER:SECONDS, like 1000:60, or none")
    return at_least(1)(events), seconds(window)


def address(text: str) -> str:
    """Parse HOST:PORT."""
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isdigit() and int(port) < 65536):
        raise ValueError("must be HOST:PORT, like 127.0.0.1:8000")
    return text


def address_or_none(text: str) -> str:
    """Parse HOST:PORT, or an empty text."""
    return text and address(text)


def web_address(text: str) -> str:
    """Parse an http or https address, or an empty text. Lowers the case of the host and drops a slash at the end."""
    parts = urlsplit(text)
    if text and not (parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError("must be an address like https://events.example.com")
    return urlunsplit(parts._replace(netloc=parts.netloc.lower())).rstrip("/")


def path(text: str) -> Path:
    """Parse a folder; a relative one is resolved against the working directory at startup."""
    return Path(text).expanduser().absolute()


def _rows(group: str, *rows: tuple[str, str, Callable[[str], Any], str, str]) -> list[Setting]:
    return [Setting(*row, group) for row in rows]


ROOT = Path(__file__).resolve().parents[2]

SETTINGS: list[Setting] = [
    *_rows(
        "Where and how it runs",
        ("EVENTLANE_HOME", str(ROOT / ".eventlane"), path, "folder", "folder for everything that Eventlane writes: embedded database, journal, lake, secret key"),
        ("EVENTLANE_BIND", "127.0.0.1:8000", address, "host:port", "address that the web server listens on"),
        ("EVENTLANE_PUBLIC_URL", "", web_address, "URL", "address at which users and senders reach the server; empty: http:// and EVENTLANE_BIND. With https:// the console accepts only https, see [operations](operations.md)"),
        ("EVENTLANE_ALLOWED_HOSTS", "", words, "names", "host names that the console answers to (Django's ALLOWED_HOSTS); empty: any, or with an https EVENTLANE_PUBLIC_URL, its host and this machine's own"),
        ("EVENTLANE_SECRET_KEY", "", str, "text", "key that signs sessions; empty: created once and kept in EVENTLANE_HOME/secret_key"),
        ("EVENTLANE_ENCRYPTION_KEYS", "", words, "keys", "Fernet keys that encrypt secrets of identities and hooks, comma separated; the first encrypts new ones. Empty: created once and kept in EVENTLANE_HOME/encryption_key"),
        ("EVENTLANE_DEBUG", "false", boolean, "true/false", "show stack traces in the console; never set this on a reachable server"),
        ("EVENTLANE_SECURE_COOKIES", "auto", one_of("auto", "true", "false"), "auto/true/false", "send console cookies over https only; auto: if EVENTLANE_PUBLIC_URL is https"),
        ("EVENTLANE_HTTPS_REDIRECT", "true", boolean, "true/false", "if EVENTLANE_PUBLIC_URL is https, redirect people who open the console over http; set false if the proxy sends no X-Forwarded-Proto"),
        ("EVENTLANE_HSTS_SECONDS", "31536000", at_least(0), "seconds", "if EVENTLANE_PUBLIC_URL is https, how long browsers are told to use only https; 0: they aren't told"),
        ("EVENTLANE_WEB_PROCESSES", "2", at_least(1), "processes", "web processes; start with one per core"),
        ("EVENTLANE_WEB_THREADS", "16", at_least(1), "threads", "requests that one web process works on at once, for each kind (Events API; other protocols; platform API and hooks; console)"),
        ("EVENTLANE_WEB_QUEUE", "1000", at_least(1), "requests", "requests of each kind that may wait for a thread of a web process; further ones get 503"),
        ("EVENTLANE_WEB_HANG_SECONDS", "30", seconds, "seconds", "a web process whose event loop stands still for this long is killed and restarted by the supervisor. The time doubles after each kill until the process makes progress"),
        ("EVENTLANE_WEB_LANE_HANG_SECONDS", "300", seconds, "seconds", "a web process counts as hanging, too, once all its threads for one kind of request have been busy for this long without finishing any"),
        ("EVENTLANE_ADMIN_EMAIL", "admin@example.com", str, "e-mail", "login of the administrator created at the first start"),
        ("EVENTLANE_ADMIN_PASSWORD", "", str, "text", "password of that administrator; empty: generated and shown once, on the terminal or in EVENTLANE_HOME/first_start"),
    ),
    *_rows(
        "Database",
        ("DATABASE_URL", "", str, "URL", "PostgreSQL to use, like postgresql://user:password@host/name; empty: the embedded one"),
        ("EVENTLANE_POSTGRES_DIR", "", str, "folder", "where the embedded PostgreSQL keeps its data; empty: EVENTLANE_HOME/postgres if PostgreSQL's system user can reach it"),
        ("EVENTLANE_POSTGRES_USER", "", str, "user", "system user that runs the embedded PostgreSQL when root starts Eventlane; empty: the first existing one of eventlane, postgres, nobody"),
        ("EVENTLANE_DATABASE_CONNECTIONS", "8", at_least(1), "connections", "PostgreSQL connections one web process may open"),
    ),
    *_rows(
        "Limits of every request",
        ("EVENTLANE_BODY_SECONDS", "15", seconds, "seconds", "time that a request's body may take, plus what the next setting adds; after that the answer is 408"),
        ("EVENTLANE_BODY_MIN_BYTES_PER_SECOND", str(32 * KIB), at_least(1), "bytes/s", "minimum pace of a body: each time this many bytes have arrived, it gets another second"),
        ("EVENTLANE_KEEP_ALIVE_SECONDS", "75", seconds, "seconds", "how long a connection may be idle, and how long a request's line and headers may take, before it is closed. Proxies often keep connections for 60 s and must not meet a closed one"),
        ("EVENTLANE_MAX_BODIES_BYTES", str(64 * MIB), at_least(1024), "bytes", "bytes of bodies that one web process holds at once, for each kind of request, compressed ones both as sent and decompressed; beyond that the answer is 503. There is always room for one body of the largest size"),
        ("EVENTLANE_MAX_BODIES_VALUES", "1000000", at_least(100), "values", "values in the JSON of all bodies that one web process holds at once under /v0 and from hooks; beyond that the answer is 503. Each may take some 250 bytes. Bodies with up to 1,000 values aren't counted, and there is always room for EVENTLANE_MAX_REQUEST_VALUES"),
        ("EVENTLANE_MAX_FORM_BYTES", str(MIB), at_least(1024), "bytes", "largest body of a request to the console"),
        ("EVENTLANE_FIND_SECONDS", "2", seconds, "seconds", "longest time that the console's search by name (Ctrl+K) looks for rows; it says which kinds it had no time for"),
    ),
    *_rows(
        "Limits of the Events API",
        ("EVENTLANE_MAX_BODY_BYTES", str(6 * MIB), at_least(1024), "bytes", "largest request body, once decompressed"),
        ("EVENTLANE_MAX_DIALECT_BYTES", str(64 * MIB), at_least(1024), "bytes", "largest request body in another protocol, like OTLP, once decompressed; also how much its events may take as JSON"),
        ("EVENTLANE_MAX_DIALECT_VALUES", "4000000", at_least(1000), "values", "most values in the JSON of such a body, where it is more than lines or an array of events; each may take some 100 bytes"),
        ("EVENTLANE_MAX_CREATED_DATASETS", "1000", at_least(1), "datasets", "datasets of a project beyond which none is created by events sent to it: keys that may send are often public"),
        ("EVENTLANE_MAX_REQUEST_EVENTS", "100000", at_least(1), "events", "most events in one request; a body with more elements is refused as a whole"),
        ("EVENTLANE_MAX_INVALID_BYTES", str(MIB), at_least(0), "bytes", "how many bytes of failed events a reply shows; it gives the number of the others"),
        ("EVENTLANE_MAX_EVENT_BYTES", str(32 * KIB), at_least(64), "bytes", "an event with this many bytes of JSON text or more is refused"),
        ("EVENTLANE_MAX_EVENT_DEPTH", "100", at_least(1), "levels", "deepest nesting of objects and arrays in one event"),
        ("EVENTLANE_MAX_NAMESPACE_LENGTH", "200", at_least(1), "characters", "longest namespace and longest service name in a route or header"),
    ),
    *_rows(
        "Limits of senders",
        ("EVENTLANE_KEY_REQUESTS_PER_SECOND", "0", at_least(0), "requests/s", "requests with events that one API key may send, unless the key has its own limit; beyond that the answer is 429 with `Retry-After`. Refused requests count, too. All web processes of a node count together. 0: no limit, since only you know what is normal"),
        ("EVENTLANE_KEY_BYTES_PER_SECOND", "0", at_least(0), "bytes/s", "bytes of bodies, as sent, that one API key may send, unless the key has its own limit. 0: no limit"),
        ("EVENTLANE_PROJECT_REQUESTS_PER_SECOND", "0", at_least(0), "requests/s", "requests with events that all keys of one project may send together. 0: no limit"),
        ("EVENTLANE_PROJECT_BYTES_PER_SECOND", "0", at_least(0), "bytes/s", "bytes of bodies, as sent, that all keys of one project may send together. 0: no limit"),
        ("EVENTLANE_PROJECT_EVENTS_PER_MONTH", "0", at_least(0), "events", "events that one project may receive in a calendar month (UTC); beyond that the answer is 429 until the next. A project can have a smaller number of its own. 0: no limit"),
        ("EVENTLANE_BURST_SECONDS", "10", seconds, "seconds", "how many seconds' worth of these rates a sender may send at once after a pause"),
        ("EVENTLANE_MAX_QUARANTINE_MB", "100", at_least(0), "MB", "how much of a project's requests may be in quarantine, for keys with *quarantine after*; beyond that they are refused as with other keys"),
        ("EVENTLANE_MAX_BACKLOG_MB", "0", at_least(0), "MB", "how much of the journal may wait to be sealed before events are refused with 503 and `Retry-After`. 0: no limit, because refusing would lose what the disk has room for, and EVENTLANE_MIN_FREE_MB keeps enough of it free"),
    ),
    *_rows(
        "Limits of the platform API",
        ("EVENTLANE_MAX_REQUEST_BYTES", str(32 * MIB), at_least(1024), "bytes", "largest request body under /v0, once decompressed; a deployment includes its sources"),
        ("EVENTLANE_MAX_REQUEST_VALUES", "500000", at_least(100), "values", "most values in the JSON of one request under /v0 or to a hook; parsed, they take many times the memory of their text"),
        ("EVENTLANE_MAX_DEPLOYED_VALUES", "200000", at_least(100), "values", "values and names in all specs of one deployment, counted with YAML aliases and merges expanded"),
        ("EVENTLANE_MAX_TRIGGERS", "200", at_least(1), "triggers", "triggers that one project may have; an event is stored and filtered once for each that listens to it"),
        ("EVENTLANE_MAX_EXPRESSIONS", "200", at_least(1), "expressions", "regular expressions in the filters of one project's triggers"),
        ("EVENTLANE_MAX_SCRATCHPAD_VALUE_BYTES", str(MIB), at_least(1), "bytes", "largest value of a scratchpad entry"),
        ("EVENTLANE_MAX_EVENT_DATA_BYTES", str(MIB), at_least(1024), "bytes", "largest JSON text of the data of a platform event that a request brings"),
        ("EVENTLANE_MAX_HOOK_BYTES", str(25 * MIB), at_least(1024), "bytes", "largest body sent to a hook, once decompressed; the default is GitHub's own limit"),
        ("EVENTLANE_HOOK_RATE_LIMIT", "1000:60", rate, "deliveries:seconds", "how many deliveries a webhook accepts in a window of how many seconds; further ones are refused with 429. none: no limit"),
        ("EVENTLANE_PAGE_SIZE", "20", at_least(0), "elements", "size of a page if the request names none"),
        ("EVENTLANE_MAX_PAGE_SIZE", "100", at_least(1), "elements", "largest page a request may ask for"),
    ),
    *_rows(
        "Access",
        ("EVENTLANE_DIRECTORY_CHECK_SECONDS", "0.3", seconds, "seconds", "how often a web process asks whether keys or datasets changed; a revoked key stops working within this time"),
        ("EVENTLANE_DIRECTORY_GRACE_SECONDS", "600", seconds, "seconds", "how long known senders are still served while PostgreSQL is down"),
        ("EVENTLANE_DIRECTORY_ENTRIES", "10000", at_least(10), "entries", "keys and datasets that one web process remembers"),
        ("EVENTLANE_LAST_USE_SECONDS", "60", seconds, "seconds", "a key's last use is recorded at most once in this time"),
        ("EVENTLANE_KEY_OVERLAP_HOURS", "24", at_least(0), "hours", "how long a rotated key keeps working beside its successor"),
        ("EVENTLANE_PROXIES", "0", at_least(0), "proxies", "number of proxies in front of the server that append to X-Forwarded-For; that many of its last addresses are believed. 0: none"),
        ("EVENTLANE_ACCOUNT_LOGIN_FAILURES", "10", at_least(1), "failures", "wrong passwords for one account before its logins are refused for a while; browsers that have logged in to it before are counted separately"),
        ("EVENTLANE_ADDRESS_LOGIN_FAILURES", "50", at_least(1), "failures", "wrong passwords from one address (for IPv6, one /64) before its logins are refused for a while"),
        ("EVENTLANE_TAKEN_NAME_RATE", "10:3600", rate, "refusals:seconds", "how many e-mail addresses and organization names an organization may be refused because others have them, in a window of how many seconds; after that, new ones are refused without a look-up until the window ends. none: no limit"),
        ("EVENTLANE_LOGIN_FAILURE_SECONDS", "900", at_least(1), "seconds", "how long a wrong password counts"),
        ("EVENTLANE_SESSION_IDLE_HOURS", "24", at_least(1), "hours", "a console session that nobody uses for this long ends"),
        ("EVENTLANE_MIN_PASSWORD_LENGTH", "12", at_least(8), "characters", "shortest password that can be set"),
        ("EVENTLANE_PASSWORD_LINK_HOURS", "72", at_least(1), "hours", "how long a link to set a password works"),
    ),
    *_rows(
        "Journal",
        ("EVENTLANE_NODE", "", node_name, "name", "name of this node in journal files: up to 100 letters a to z and A to Z, digits, `-`, `_` and `.`; empty: created once and kept in EVENTLANE_HOME/node"),
        ("EVENTLANE_JOURNAL_MAX_BYTES", str(32 * MIB), at_least(4096), "bytes", "a journal file of this size is closed and handed to the sealer"),
        ("EVENTLANE_JOURNAL_MAX_AGE_SECONDS", "5", seconds, "seconds", "a journal file of this age is closed and handed to the sealer"),
    ),
    *_rows(
        "Lake",
        ("EVENTLANE_LAKE_PATH", "", str, "folder or URL", "where Parquet files are stored (any DuckLake data path); empty: EVENTLANE_HOME/lake"),
        ("EVENTLANE_LAKE_SCHEMA", "lake", str, "name", "PostgreSQL schema of the DuckLake catalog"),
        ("EVENTLANE_SEAL_INTERVAL_SECONDS", "1", seconds, "seconds", "how often the sealer looks for closed journal files"),
        ("EVENTLANE_SEAL_REST", "3", at_least(0), "times", "after a round that sealed less than EVENTLANE_JOURNAL_MAX_BYTES, the sealer rests for this many times as long as the round took, at most 10 s, so that hundreds of datasets with few events each don't keep a core busy. 0: it rests only for EVENTLANE_SEAL_INTERVAL_SECONDS"),
        ("EVENTLANE_SEALER_HANG_SECONDS", "300", seconds, "seconds", "a sealer that finishes nothing for this long is killed and restarted by the supervisor. Set it longer than one transaction may take. The time doubles after each kill until the sealer makes progress"),
        ("EVENTLANE_SEAL_BATCH_BYTES", str(64 * MIB), at_least(4096), "bytes", "journal bytes sealed in one transaction; bounds the sealer's memory"),
        ("EVENTLANE_SEAL_SEARCH_SECONDS", "30", seconds, "seconds", "how long the sealer searches for the events that keep a journal file from being sealed; after that, the events around them go into quarantine, too"),
        ("EVENTLANE_DUCKDB_THREADS", "2", at_least(1), "threads", "threads of one DuckDB instance (sealer, maintenance, a query)"),
        ("EVENTLANE_DUCKDB_MEMORY_MB", "1024", at_least(64), "MB", "memory limit of one DuckDB instance"),
        ("EVENTLANE_QUERY_SECONDS", "60", seconds, "seconds", "longest time that one query may run"),
        ("EVENTLANE_QUERY_SLOTS", "2", at_least(1), "queries", "queries of events that one web process runs at once; others wait for 5 s, then get 503"),
        ("EVENTLANE_QUERY_SLOTS_PER_KEY", "2", at_least(1), "queries", "queries of events that one web process runs at once for one API key; others wait as well"),
        ("EVENTLANE_QUERY_EXACT_VALUES", "10000000", at_least(1000), "events", "events in a query's time frame up to which its percentiles are exact, which takes 8 to 16 bytes for each; beyond that they are within 1 % of rank"),
        ("EVENTLANE_QUERY_MEMORY_MB", "256", at_least(64), "MB", "memory limit of one query of a web process"),
        ("EVENTLANE_QUERY_THREADS", "1", at_least(1), "threads", "threads of one query of a web process"),
        ("EVENTLANE_QUERY_NICENESS", "10", at_least(0), "degrees", "how far the processes of queries give way to others on a busy machine, as `nice` counts"),
        ("EVENTLANE_QUERY_VALUES", "2000000", at_least(1000), "values", "values of all rows, calculations and buckets in the series of one query"),
        ("EVENTLANE_MAX_TAILS", "500", at_least(0), "tails", "tails (streams of new events) that may be open at once on a node, those of all its web processes; beyond that the answer is 503"),
        ("EVENTLANE_TAIL_BYTES_PER_SECOND", str(16 * MIB), at_least(1024), "bytes/s", "what one web process sends to all of its tails together; each gets an equal share, and a tail that finds more loses events, which it is told"),
        ("EVENTLANE_TAIL_WAITING_BYTES", str(64 * MIB), at_least(1024), "bytes", "what waits in one web process for clients of tails that read slowly, all together; a client that has more than its equal share waiting loses events, which it is told"),
        ("EVENTLANE_FIELDS_EVENTS", "1000000", at_least(1), "events", "events, the newest that match, from which the fields of a dataset are listed"),
        ("EVENTLANE_PROMOTED_FIELDS", "64", at_least(0), "fields", "fields of a dataset that become columns of its table, which makes queries that use them faster: those that most of its events have, or that are asked for. Fewer than a dataset has: it gets no more"),
        ("EVENTLANE_RETENTION_DAYS", "30", at_least(1), "days", "retention of a new dataset"),
        ("EVENTLANE_QUARANTINE_DAYS", "30", at_least(1), "days", "how long quarantined events and requests are kept"),
        ("EVENTLANE_IDEMPOTENCY_HOURS", "24", at_least(0), "hours", "how long a request's `Idempotency-Key` is remembered: what is sent again within this time is stored once. 0: never"),
        ("EVENTLANE_LEDGER_DAYS", "400", at_least(1), "days", "how long the ledger remembers what became of the events of an hour"),
        ("EVENTLANE_LEDGER_CHECK_DAYS", "7", at_least(1), "days", "maintenance checks the hours of so many days; `manage.py ledger` checks all that the ledger remembers"),
        ("EVENTLANE_REFUSED_DAYS", "30", at_least(1), "days", "how long it is kept how many requests were refused, and why"),
        ("EVENTLANE_INLINED_HOURS", "1", at_least(0), "hours", "how long rows of small inserts may lie in PostgreSQL before maintenance moves those of their dataset into a file: a dataset with few events gets one file in this time"),
        ("EVENTLANE_INLINED_ROWS", "1000", at_least(1), "rows", "rows of small inserts that a dataset has in PostgreSQL from which maintenance moves them into a file before that"),
        ("EVENTLANE_SNAPSHOT_HOURS", "1", at_least(0), "hours", "how long replaced Parquet files are kept for readers that still use them"),
        ("EVENTLANE_ORPHAN_DAYS", "30", at_least(1), "days", "how long maintenance keeps files that the catalog doesn't know, after moving them to `orphans` in the lake's folder"),
        ("EVENTLANE_ORPHAN_MAX_FILES", "10", at_least(0), "files", "if there are more unknown files than this, maintenance touches none of them: the catalog may be wrong"),
        ("EVENTLANE_ORPHAN_MAX_MB", "64", at_least(0), "MB", "if unknown files are larger than this in total, maintenance touches none of them"),
        ("EVENTLANE_MAINTAIN_INTERVAL_SECONDS", "600", seconds, "seconds", "how often the supervisor runs maintenance"),
        ("EVENTLANE_MAINTAIN_HANG_SECONDS", "3600", seconds, "seconds", "maintenance that finishes no step for this long is killed by the supervisor; the next run starts on time. Set it longer than merging files may take. The time doubles after each kill until a step is finished"),
    ),
    *_rows(
        "Workers",
        ("EVENTLANE_WORKER_PROCESSES", "1", at_least(0), "processes", "worker processes that the supervisor runs; 0: none here, `manage.py work` on another machine runs the tasks"),
        ("EVENTLANE_WORKER_HANG_SECONDS", "120", seconds, "seconds", "a worker whose event loop, heartbeat, watch or scheduler makes no progress for this long is killed and restarted by the supervisor; its tasks are lost. The time doubles after each kill until the worker makes progress"),
        ("EVENTLANE_WORKER_TASKS", "4", at_least(1), "tasks", "tasks that one worker process runs at once"),
        ("EVENTLANE_MAX_RUNNING_TASKS", "0", at_least(0), "tasks", "tasks that run at once in the whole platform; 0: as many as the workers can run"),
        ("EVENTLANE_PIPELINE_RETENTION_DAYS", "90", at_least(0), "days", "how long finished pipelines, platform events and command executions are kept, unless the project or the pipeline's spec says otherwise; 0: forever"),
        ("EVENTLANE_PROJECT_MAX_RUNNING_TASKS", "0", at_least(0), "tasks", "tasks of one project that run at once, unless the project has its own limit; 0: no limit"),
        ("EVENTLANE_TASK_LOST_SECONDS", "30", at_least(5), "seconds", "if a worker hasn't reported for this long, the tasks it started fail or are retried"),
        ("EVENTLANE_WORKER_STOP_SECONDS", "20", at_least(0), "seconds", "how long running tasks may go on after their worker is told to stop"),
        ("EVENTLANE_CONDUCT_SECONDS", "0.5", seconds, "seconds", "how often a worker looks for due timers"),
        ("EVENTLANE_TRIGGER_RATE_LIMIT", "1000:60", rate, "events:seconds", "how many events may fire a trigger on a dataset in a window of how many seconds, unless the trigger has its own `rate_limit`; further events are only counted. none: no limit"),
        ("EVENTLANE_MISSED_TICKS", "100", at_least(1), "ticks", "most missed ticks of one timer that are emitted at a time; the others follow in the next rounds"),
    ),
    *_rows(
        "Alerts",
        ("EVENTLANE_MAX_ALERTS", "100", at_least(1), "alerts", "alerts that one project may deploy; each asks its query again and again"),
        ("EVENTLANE_ALERT_GROUPS", "1000", at_least(1), "groups", "groups beyond its threshold that one alert lists and tells of; if there are more, it says so"),
        ("EVENTLANE_ALERT_MISSED_WINDOWS", "12", at_least(0), "windows", "windows that an alert looks at afterwards, the last ones, when it couldn't be evaluated for a while"),
        ("EVENTLANE_ALERT_DELAY_SECONDS", "2", at_least(0), "seconds", "how long after the end of its window an alert is evaluated: events of other nodes have to be sealed by then, and senders may be late"),
        ("EVENTLANE_ALERT_TARGETS", "", networks, "networks", "networks, like 10.0.0.0/8, that messages of alerts may reach although their addresses aren't public; comma separated"),
        ("EVENTLANE_SMTP_HOST", "", str, "host", "mail server that sends the messages of alerts; empty: none"),
        ("EVENTLANE_SMTP_PORT", "587", at_least(1), "port", "its port"),
        ("EVENTLANE_SMTP_SECURITY", "starttls", one_of("starttls", "tls", "none"), "starttls/tls/none", "how the connection to it is encrypted"),
        ("EVENTLANE_SMTP_USER", "", str, "text", "login there; empty: none"),
        ("EVENTLANE_SMTP_PASSWORD", "", str, "text", "its password"),
        ("EVENTLANE_EMAIL_FROM", "eventlane@localhost", str, "address", "sender of e-mails"),
        ("EVENTLANE_ALERT_HISTORY_DAYS", "90", at_least(1), "days", "how long the history of alerts is kept"),
    ),
    *_rows(
        "Tasks",
        ("EVENTLANE_LOCAL_RUNTIME", "auto", one_of("auto", "true", "false"), "auto/true/false", "whether administrators may let a project's tasks run as processes of the workers; auto: while the server has only one organization, since its administrators run the server anyway"),
        ("EVENTLANE_TASK_ISOLATION", "auto", one_of("auto", "bwrap", "none"), "auto/bwrap/none", "isolation of local tasks with bubblewrap. auto: use it if `bwrap` works; without it, a worker that isn't root refuses to run tasks. bwrap: always refuse without it. none: no isolation, tasks can read whatever the worker can"),
        ("EVENTLANE_TASK_USER", "", str, "user", "system user that local tasks run as if the worker is root; empty: nobody"),
        ("EVENTLANE_TASK_NETWORK", "false", boolean, "true/false", "whether isolated local tasks can use the network, including this machine's own services at 127.0.0.1"),
        ("EVENTLANE_TASK_FOLDERS", "", words, "folders", "additional folders that isolated local tasks may read, comma separated, like /opt"),
        ("EVENTLANE_TASK_TIMEOUT_SECONDS", "3600", seconds, "seconds", "longest time that one task may run, all its steps together"),
        ("EVENTLANE_TASK_GRACE_SECONDS", "5", seconds, "seconds", "time between SIGTERM and SIGKILL when a task is stopped"),
        ("EVENTLANE_TASK_MEMORY_MB", "2048", at_least(16), "MB", "data memory that each process of a local task may use (RLIMIT_DATA)"),
        ("EVENTLANE_TASK_PROCESSES", "256", at_least(4), "processes", "processes and threads of one task at once"),
        ("EVENTLANE_TASK_FILE_MB", "1024", at_least(1), "MB", "largest file a local task may write"),
        ("EVENTLANE_TASK_OUTPUT_KB", "1024", at_least(4), "KB", "output kept per task, all its steps together; if there is more, its beginning and end are kept"),
        ("EVENTLANE_CONTAINER_RUNTIME", "auto", one_of("auto", "true", "false"), "auto/true/false", "whether administrators may let a project's tasks run in containers; auto: while the server has only one organization"),
        ("EVENTLANE_CONTAINER_COMMAND", "", str, "command", "command line of the container engine, like `podman --runtime runc`; empty: the first of docker and podman that is found"),
        ("EVENTLANE_CONTAINER_OPTIONS", "", str, "options", "additional options for the engine's `run`, after ours; with an option like `--network=tasks`, tasks have no network of their own"),
        ("EVENTLANE_CONTAINER_USER", "65534:65534", str, "user", "user of containers whose task names none; `image`: the user that the image names, often root"),
        ("EVENTLANE_CONTAINER_SMALL", "1:1024", machine, "CPUs:MB", "what a container with host_type small may use"),
        ("EVENTLANE_CONTAINER_MEDIUM", "2:4096", machine, "CPUs:MB", "what a container with host_type medium may use"),
        ("EVENTLANE_CONTAINER_LARGE", "4:8192", machine, "CPUs:MB", "what a container with host_type large may use"),
    ),
    *_rows(
        "Sending from the command line",
        ("EVENTLANE_KEY", "", str, "API key", "key for `manage.py send` without --key; unlike an argument, it isn't visible in the list of processes"),
    ),
    *_rows(
        "Syslog",
        ("EVENTLANE_SYSLOG_TCP", "", address_or_none, "host:port", "address to listen on for syslog over TCP, without encryption; empty: none. Whoever reaches it can send. See [clients](clients.md#syslog)"),
        ("EVENTLANE_SYSLOG_TLS", "", address_or_none, "host:port", "address to listen on for syslog over TLS; empty: none"),
        ("EVENTLANE_SYSLOG_UDP", "", address_or_none, "host:port", "address to listen on for syslog over UDP, which loses lines; empty: none"),
        ("EVENTLANE_SYSLOG_CERTIFICATE", "", str, "file", "PEM file with the certificate for EVENTLANE_SYSLOG_TLS and those between it and its authority"),
        ("EVENTLANE_SYSLOG_CERTIFICATE_KEY", "", str, "file", "PEM file with its private key; empty: the same file"),
        ("EVENTLANE_SYSLOG_CLIENT_CA", "", str, "file", "PEM file with authorities; with it, senders over TLS need a certificate of theirs"),
        ("EVENTLANE_SYSLOG_KEY", "", str, "API key", "key with the right `ingest` that lines are stored with"),
        ("EVENTLANE_SYSLOG_DATASET", "logs", str, "name", "dataset that lines are stored in"),
        ("EVENTLANE_SYSLOG_NAMESPACE", "syslog", str, "name", "namespace that lines are stored in"),
        ("EVENTLANE_SYSLOG_CONNECTIONS", "1000", at_least(1), "connections", "connections over TCP and TLS that there may be at once"),
        ("EVENTLANE_SYSLOG_LINE_BYTES", "16384", at_least(480), "bytes", "length of a line; what it has beyond that is left out"),
        ("EVENTLANE_SYSLOG_UDP_LINES", "10000", at_least(1), "lines", "lines over UDP that may wait to be stored; beyond that they are dropped"),
    ),
    *_rows(
        "Clocks and warnings",
        ("EVENTLANE_CLOCK_TOLERANCE_SECONDS", "300", seconds, "seconds", "how far in the future the times of events may be. Events with later times came from a wrong clock: they don't count as the newest, and doctor names them"),
        ("EVENTLANE_MIN_FREE_MB", "512", at_least(0), "MB", "free space in EVENTLANE_HOME that is kept for login, console, deletion and PostgreSQL. Below it, events are refused with 503 and `Retry-After`; below twice as much, doctor warns. 0: events are accepted until the disk is full"),
    ),
]  # fmt: skip


def read_settings(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return all settings by name; raise InvalidSetting for a bad value or an unknown EVENTLANE_ variable."""
    known = {setting.name for setting in SETTINGS}
    unknown = sorted(name for name in environ if name.startswith("EVENTLANE_") and name not in known)
    if unknown:
        raise InvalidSetting(f"unknown setting {', '.join(unknown)}; docs/configuration.md lists them all")
    return {setting.name: setting.value(environ) for setting in SETTINGS}
