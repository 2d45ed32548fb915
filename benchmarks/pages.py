"""The cost of the platform API: pages anywhere in a million projects, and one project beside a plain DRF view.

One request at a time on one connection. The rows of a table take turns, so that a slow moment affects all alike. To
run only this: `python -m benchmarks.pages`.
"""

import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
import urllib3
from rich.console import Console
from rich.table import Table

from benchmarks.platforms import Platform, eventlane, free_port
from eventlane.configuration import ROOT
from eventlane.embedded_postgres import database_url

PROJECTS = 1_000_000
ROUNDS = 400
WARM_UP_ROUNDS = 50
MAX_DEPTH_RATIO = 1.3
MAX_PLAIN_RATIO = 2.0

# Ids in random order of name, with the shape of KSUIDs.
FILL = """
INSERT INTO projects_project (id, organization_id, name, creation_time, create_datasets, code_header, local_runtime)
SELECT '2' || substr(md5(n::text) || md5((-n)::text), 1, 26), organization.id, 'p' || n, now(), false, '', false
FROM generate_series(1, %s) AS n, projects_organization AS organization
"""


def report(console: Console, running: Platform) -> None:
    """Fill a platform with projects and print both tables. Don't measure anything else on it afterwards."""
    key = _new_key(running)
    with psycopg.connect(database_url(running.home), autocommit=True) as database:
        database.execute(FILL, [PROJECTS])
        database.execute("VACUUM ANALYZE projects_project")
        places = {sort: _middle(database, sort) for sort in ("id", "name")}
    console.print(_depths(running, key, places))
    with plain_view(running) as url:
        console.print(_one_project(running, key, url))


def _new_key(running: Platform) -> str:
    """Return a key that can reach all projects of the organization."""
    words = [sys.executable, str(ROOT / "manage.py"), "create_api_key", "bench", "--rights", "read"]
    return subprocess.run(words, env=_environment(running), capture_output=True, text=True, check=True).stdout.strip()


def _environment(running: Platform) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("EVENTLANE_")}
    return ours | {"EVENTLANE_HOME": str(running.home), "DATABASE_URL": database_url(running.home)}


def _middle(database: psycopg.Connection, sort: str) -> str:
    """Return the key of the element in the middle."""
    place = database.execute(
        f"SELECT id, name FROM projects_project ORDER BY {sort}, id OFFSET %s LIMIT 1", [PROJECTS // 2]
    )
    project_id, name = place.fetchone() or ("", "")
    return b64encode((project_id if sort == "id" else f"{project_id}:{name}").encode()).decode()


def _depths(running: Platform, key: str, places: Mapping[str, str]) -> Table:
    """Return the table of pages at the start and in the middle."""
    urls = {}
    for sort, place in places.items():
        for what, cursor in (("first page", ""), ("middle", f"&after={place}"), ("middle, before", f"&before={place}")):
            urls[sort, what] = f"{running.url}/v0/projects?size=20&sort={sort}{cursor.replace('+', '%2B')}"
    times = _measure(urls, key)
    table = Table("sort", "page of 20", "p50 ms", "of the first", title=f"Pages of {PROJECTS:,} projects")
    for (sort, what), milliseconds in times.items():
        ratio = milliseconds / times[sort, "first page"]
        table.add_row(sort, what, f"{milliseconds:.2f}", _judged(ratio, MAX_DEPTH_RATIO))
    return table


def _one_project(running: Platform, key: str, plain_url: str) -> Table:
    """Return the table of one project, for our view and the plain one."""
    first = _get(urllib3.PoolManager(), f"{running.url}/v0/projects?size=1", key).json()["elements"][0]["id"]
    times = _measure({"ours": f"{running.url}/v0/projects/id/{first}", "plain": f"{plain_url}/projects/{first}"}, key)
    table = Table("GET of one project", "p50 ms", "of the plain view", title="Beside an equally plain DRF view")
    table.add_row("plain DRF view", f"{times['plain']:.2f}", "1")
    table.add_row(
        "/v0/projects/id/:id", f"{times['ours']:.2f}", _judged(times["ours"] / times["plain"], MAX_PLAIN_RATIO)
    )
    return table


def _judged(ratio: float, most: float) -> str:
    return f"{ratio:.2f}" if ratio <= most else f"{ratio:.2f} (more than {most})"


def _measure(urls: Mapping, key: str) -> dict:
    """Return the median milliseconds of each URL."""
    http = urllib3.PoolManager(retries=False)
    times: dict = {name: [] for name in urls}
    for number in range(WARM_UP_ROUNDS + ROUNDS):
        for name in random.sample(list(urls), len(urls)):
            begin = time.perf_counter()
            _get(http, urls[name], key)
            if number >= WARM_UP_ROUNDS:
                times[name].append((time.perf_counter() - begin) * 1000)
    return {name: statistics.median(measured) for name, measured in times.items()}


def _get(http: urllib3.PoolManager, url: str, key: str) -> urllib3.BaseHTTPResponse:
    response = http.request("GET", url, headers={"Authorization": f"Bearer {key}"})
    if response.status != 200:
        raise RuntimeError(f"{url}: {response.status} {response.data[:200]!r}")
    return response


@contextmanager
def plain_view(running: Platform) -> Iterator[str]:
    """Run the plain view on the platform's database, under the same server with as many processes and threads."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface=wsgi", f"--port={port}", "--workers=2"]
    command += ["--blocking-threads=16", "--backpressure=2048", "--no-ws", "--no-access-log", "--no-log"]
    environment = _environment(running) | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}
    process = subprocess.Popen([*command, "benchmarks.plain_view:application"], cwd=ROOT, env=environment)
    try:
        _wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the plain view does not answer")


if __name__ == "__main__":
    with eventlane(free_port()) as platform:
        report(Console(width=None if os.isatty(1) else 110), platform)
