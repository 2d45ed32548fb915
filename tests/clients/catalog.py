"""The published clients that the tests run, and the table that docs/clients.md shows of them."""

import importlib.metadata
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from tests.clients.packages import version_of
from tests.clients.refusals import STATUSES
from tests.clients.running import MANY, Outcome
from tests.server import ROOT

DOCUMENT = ROOT / "docs" / "clients.md"
BEGIN, END = "<!-- written by `python -m tests.clients` -->\n", "<!-- end -->\n"
TIMES = {0: "never", 1: "once", 2: "twice", MANY: f"{MANY} times or more"}


@dataclass(frozen=True)
class Client:
    """One of them.

    name       of the program that sends with it
    package    as its registry calls it; empty: a part of Python
    protocol   what it sends
    """

    name: str
    package: str
    protocol: str

    @property
    def row(self) -> str:
        """How the table names it."""
        return f"`{self.package}` {self.version}" if self.package else f"`{self.name}` of Python"

    @property
    def version(self) -> str:
        """The version that the tests run."""
        raise NotImplementedError

    @property
    def words(self) -> list[str]:
        """The command that sends with it, without the addresses."""
        raise NotImplementedError


class NpmClient(Client):
    """One in JavaScript."""

    @property
    def version(self) -> str:
        return version_of(self.package)

    @property
    def words(self) -> list[str]:
        return ["node", "clients.mjs", self.name]


class PythonClient(Client):
    """One in Python."""

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.package)

    @property
    def words(self) -> list[str]:
        return [sys.executable, "-m", "tests.clients.python_clients", self.name]


class DebianClient(Client):
    """A log daemon of Debian's; tests/clients/daemons.py runs it."""

    @property
    def row(self) -> str:
        return self.package


RUM = NpmClient("react-rum", "@baselime/react-rum", "Events API")  # tests/clients/page.py runs it, in a browser
NPM_CLIENTS = (
    NpmClient("edge-logger", "@baselime/edge-logger", "Events API"),
    NpmClient("winston-transport", "@baselime/winston-transport", "Events API"),
    NpmClient("pino-transport", "@baselime/pino-transport", "Events API"),
    NpmClient("winston-http", "winston", "Events API"),
    NpmClient("pino-http-send", "pino-http-send", "Events API"),
    NpmClient("node-opentelemetry", "@baselime/node-opentelemetry", "OTLP, JSON"),
    NpmClient("opentelemetry-json", "@opentelemetry/exporter-trace-otlp-http", "OTLP, JSON"),
    NpmClient("opentelemetry-proto", "@opentelemetry/exporter-trace-otlp-proto", "OTLP, protobuf"),
    NpmClient("pino-loki", "pino-loki", "Loki"),
    NpmClient("axiom-js", "@axiomhq/js", "Axiom"),
    NpmClient("libhoney-js", "libhoney", "Honeycomb"),
)
PYTHON_CLIENTS = (
    PythonClient("opentelemetry-python", "opentelemetry-exporter-otlp-proto-http", "OTLP, protobuf"),
    PythonClient("baselime-opentelemetry", "baselime-opentelemetry", "OTLP, protobuf"),
    PythonClient("logging-loki", "python-logging-loki", "Loki"),
    PythonClient("axiom-py", "axiom-py", "Axiom"),
    PythonClient("libhoney-py", "libhoney", "Honeycomb"),
    PythonClient("posthog", "posthog", "PostHog"),
    PythonClient("sentry", "sentry-sdk", "Sentry"),
    PythonClient("logging.handlers.HTTPHandler", "", "forms"),
)
DEBIAN_CLIENTS = (
    DebianClient("syslog-ng-bulk", "syslog-ng, `elasticsearch-http()`", "Elasticsearch"),
    DebianClient("syslog-ng-events", "syslog-ng, `http()`", "Events API"),
    DebianClient("rsyslog", "rsyslog, `omelasticsearch`", "Elasticsearch"),
)


def table_of(outcomes: Mapping[Client, Outcome]) -> str:
    """Return the table in Markdown, of the clients in their order."""
    head = ["client", "protocol", *map(str, STATUSES)]
    rows = [head, ["---"] * len(head)]
    for client, outcome in outcomes.items():
        rows.append([client.row, client.protocol, *(TIMES[outcome.tries[status]] for status in STATUSES)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def documented_table() -> str:
    """Return the table that the document has."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]


def document_table(table: str) -> None:
    """Put the table in the place of the one that the document has."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table + END + rest.partition(END)[2])
