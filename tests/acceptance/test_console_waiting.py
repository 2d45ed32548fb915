"""Explore in a real browser while an answer takes long."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import Page, expect

from tests.browser import explore
from tests.server import Server


@contextmanager
def stopped_queries(server: Server) -> Iterator[None]:
    """Let no query get on."""
    processes = server.pids_of("events.lake.duckdb_process")
    assert processes
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


# DevTools, and with them Playwright, can't look into a page that is about to be left. So the page notes what it says.
NOTE = """() => {
    const panel = document.querySelector(".ev-waiting");
    const note = () => panel.hidden || sessionStorage.setItem("said", panel.innerText);
    new MutationObserver(note).observe(panel, { subtree: true, childList: true, attributes: true });
}"""


def ask(page: Page, span: str) -> None:
    page.evaluate(NOTE)
    page.get_by_role("button", name=span, exact=True).click(no_wait_after=True)


def said(page: Page) -> str:
    return str(page.evaluate("sessionStorage.getItem('said')"))


@pytest.mark.slow
def test_page_says_how_long_it_has_been_waiting(page: Page, server: Server) -> None:
    assert server.post("/v1/logs/waiting", b'[{"message":"found in the end"}]').status == 202
    page.goto(explore(server, "namespace:waiting"))
    expect(page.locator("#total")).to_have_text("1")
    expect(page.locator(".ev-waiting")).to_be_hidden()

    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/progress/?token=" in request.url else None)
    with stopped_queries(server):
        ask(page, "24 h")
        time.sleep(3)
    expect(page).to_have_url(re.compile("from=24h"))
    expect(page.locator("#total")).to_have_text("1")
    expect(page.locator(".ev-waiting")).to_be_hidden()
    assert len(asked) > 1
    assert re.search(r"Looking at the events…\s+\d s of at most 60 s", said(page))
