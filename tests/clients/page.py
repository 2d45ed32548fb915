"""Runs @baselime/react-rum, which works in browsers only."""

import subprocess
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser

from tests.clients.refusals import refusers
from tests.clients.running import LAST, Outcome, tries_of
from tests.waiting import wait_until

BUNDLE = ["node_modules/.bin/esbuild", "rum.jsx", "--bundle", "--jsx=automatic", "--log-level=warning"]
EVENTS = 4  # that a page sends: the client adds one of its own


def run_page(browser: Browser, folder: Path, url: str, environment: dict[str, str]) -> Outcome:
    """Open a page that uses the client, for the server that works and for each that refuses."""
    script = subprocess.run(BUNDLE, cwd=folder, capture_output=True, text=True, check=True).stdout
    with refusers() as servers:
        page = servers[0].url  # from another port, and so from another origin
        complaints = _visit(browser, page, script, url, environment)
        for server in servers:
            _visit(browser, page, script, server.url, environment)
            wait_until(lambda server=server: server.tries(LAST) > 0)
        return Outcome(complaints, tries_of(servers))


def _visit(browser: Browser, address: str, script: str, url: str, environment: dict[str, str]) -> list[str]:
    """Open the page, stay until each of its events had an answer, and return what the console said of requests."""
    context = browser.new_context()
    try:
        page = context.new_page()
        said: list[str] = []
        answered: list[str] = []
        page.on("console", lambda line: said.append(line.text) if url in line.text else None)
        page.on("response", lambda response: answered.append(response.request.post_data or ""))
        wanted = {"url": url, "key": environment["KEY"], "namespace": environment["NAMESPACE"]}
        page.goto(f"{address}/cart?{urlencode(wanted)}")
        page.add_script_tag(content=script)
        while sum(text.count('"pageLoadId"') for text in answered) < EVENTS:
            page.wait_for_event("response", timeout=30_000)
        return said
    finally:
        context.close()
