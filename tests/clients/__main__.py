"""python -m tests.clients: runs the published clients and writes the table of docs/clients.md."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from tests.browser import launch
from tests.clients.catalog import DEBIAN_CLIENTS, NPM_CLIENTS, PYTHON_CLIENTS, RUM, document_table, table_of
from tests.clients.packages import programs_in
from tests.clients.session import Session
from tests.postgres import scratch_home
from tests.server import Server


def main() -> None:
    """Start a server of its own, run everything, and stop it."""
    server = Server(scratch_home())
    try:
        with TemporaryDirectory() as folder, sync_playwright() as playwright:
            session = Session(server, programs_in(Path(folder)))
            outcomes = {RUM: session.run_page(RUM, launch(playwright))}
            outcomes |= session.run(NPM_CLIENTS + PYTHON_CLIENTS) | session.run_daemons(DEBIAN_CLIENTS)
    finally:
        server.close()
    document_table(table := table_of(outcomes))
    sys.stdout.write(table)


if __name__ == "__main__":
    main()
