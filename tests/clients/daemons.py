"""Debian's syslog-ng and rsyslog: they take lines over TCP, and send them to several servers at the same time."""

import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.clients.missing import CACHE, missing
from tests.clients.refusals import Refuser, refusers
from tests.clients.running import FIRST, LAST, MANY, PATIENCE, SECOND, Outcome, tries_of
from tests.server import free_port
from tests.waiting import wait_until

ROOT = CACHE / "shippers"  # where .ci/shippers unpacks them


SYSLOG_NG = """@version: 3.35
@define scl-root "{root}/usr/share/syslog-ng/include/scl"
@include "`scl-root`/elasticsearch/*.conf"
options {{ stats-freq(0); keep-hostname(yes); frac-digits(3); }};
source lines {{ network(ip("127.0.0.1") port({port}) flags(syslog-protocol)); }};
"""
SYSLOG_NG_BULK = """
destination to_{number} {{
  elasticsearch-http(
    url("{url}/_bulk") index("logs") type("") user("any") password("{key}")
    headers("Content-Type: application/x-ndjson", "x-namespace: {namespace}")
    workers(1) batch-timeout(100) time-reopen(1) persist-name("{number}")
  );
}};
log {{ source(lines); destination(to_{number}); }};
"""
SYSLOG_NG_EVENTS = """
destination to_{number} {{
  http(
    url("{url}/v1/logs/{namespace}") method("POST") user("any") password("{key}")
    headers("Content-Type: application/json")
    body("$(format-json message=$MESSAGE level=$LEVEL service=$PROGRAM host=$HOST timestamp=$ISODATE)")
    body-prefix("[") delimiter(",") body-suffix("]") batch-lines(100) batch-timeout(100)
    workers(1) time-reopen(1) persist-name("{number}")
  );
}};
log {{ source(lines); destination(to_{number}); }};
"""
RSYSLOG = """
global(workDirectory="{folder}")
module(load="imtcp")
module(load="omelasticsearch")
input(type="imtcp" address="127.0.0.1" port="{port}")
"""
RSYSLOG_ACTION = """
template(name="event-{number}" type="list" option.jsonf="on") {{
  constant(outname="run" value="{namespace}" format="jsonf")
  property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
  property(outname="level" name="syslogseverity-text" format="jsonf")
  property(outname="service" name="programname" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
}}
action(type="omelasticsearch" server="{url}" template="event-{number}" searchIndex="logs" searchType="" bulkmode="on"
       uid="any" pwd="{key}" errorfile="{folder}/errors-{number}"
       queue.type="LinkedList" action.resumeRetryCount="-1" action.resumeInterval="1")
"""


@dataclass(frozen=True)
class Daemon:
    """One of them.

    head, each   its configuration: the start, and what it has for each server
    modules      where its modules are, below ROOT
    command      that runs it
    """

    head: str
    each: str
    modules: str
    command: str

    def start(self, folder: Path, port: int, places: Sequence[dict[str, str]]) -> "subprocess.Popen[bytes]":
        """Run it with a configuration in the folder."""
        named = {"root": str(ROOT), "folder": str(folder), "port": str(port)}
        parts = [self.each.format(**named, **place, number=number) for number, place in enumerate(places)]
        (folder / "configuration").write_text(self.head.format(**named) + "".join(parts))
        words = self.command.format(**named, modules=next(ROOT.glob(self.modules))).split()
        with (folder / "log").open("wb") as log:
            environment = os.environ | {"LD_LIBRARY_PATH": _libraries()}
            return subprocess.Popen(words, env=environment, stdout=log, stderr=subprocess.STDOUT)


def _syslog_ng(each: str) -> Daemon:
    command = (
        "{root}/usr/sbin/syslog-ng --foreground --no-caps --cfgfile={folder}/configuration --module-path={modules}"
        " --persist-file={folder}/persist --pidfile={folder}/pid --control={folder}/control"
    )
    return Daemon(SYSLOG_NG, each, "usr/lib/syslog-ng/[0-9]*", command)


DAEMONS = {
    "syslog-ng-bulk": _syslog_ng(SYSLOG_NG_BULK),
    "syslog-ng-events": _syslog_ng(SYSLOG_NG_EVENTS),
    "rsyslog": Daemon(
        RSYSLOG,
        RSYSLOG_ACTION,
        "usr/lib/*-linux-gnu/rsyslog",
        "{root}/usr/sbin/rsyslogd -n -f {folder}/configuration -i {folder}/pid -M {modules}",
    ),
}


def _libraries() -> str:
    """Return the LD_LIBRARY_PATH of the unpacked programs."""
    folders = [*ROOT.glob("usr/lib/*-linux-gnu"), *ROOT.glob("lib/*-linux-gnu"), ROOT / "usr" / "lib" / "syslog-ng"]
    return os.pathsep.join(map(str, folders))


def require_daemons() -> None:
    """Skip the test if they aren't there."""
    if not ROOT.exists():
        missing("syslog-ng and rsyslog of Debian's", "sh .ci/shippers")


def run_daemon(name: str, url: str, environment: dict[str, str], have_arrived: Callable[[], bool]) -> Outcome:
    """Run one until its lines have arrived where they are taken, and have been refused often enough elsewhere."""
    with refusers() as servers, TemporaryDirectory() as folder:
        place = {"key": environment["KEY"], "namespace": environment["NAMESPACE"]}
        places = [place | {"url": address} for address in (url, *(server.url for server in servers))]
        process = DAEMONS[name].start(Path(folder), port := free_port(), places)
        try:
            with wait_until(lambda: _connect(port)) as connection:
                connection.sendall(_line(FIRST))
                wait_until(lambda: all(server.tries(FIRST) for server in servers))
                connection.sendall(_line(SECOND) + _line(LAST))
                wait_until(lambda: all(map(_has_decided, servers)), PATIENCE)
                wait_until(have_arrived, PATIENCE)
        finally:
            process.kill()
            process.wait()
        return Outcome([], tries_of(servers))


def _connect(port: int) -> socket.socket | None:
    with suppress(ConnectionRefusedError):
        return socket.create_connection(("127.0.0.1", port))
    return None


def _line(text: bytes) -> bytes:
    return b"<133>1 2026-01-02T03:04:05.678Z web-1 shop 42 - - %s\n" % text


def _has_decided(server: Refuser) -> bool:
    """Return whether it tries the first line again and again, or went on without it."""
    return server.tries(FIRST) >= MANY or any(LAST in body and FIRST not in body for body in server.bodies)
