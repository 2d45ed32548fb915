"""A real browser for tests of the console: Debian's Chromium, or another that is installed.

browser   one for the module
page      an empty page of the `server`'s administrator, logged in; fails the test on any error in it
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright

from tests.server import Server

expect.set_options(timeout=30_000)  # a page takes long on a busy machine; what is there costs no waiting

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWITCHES = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def launch(playwright: Playwright) -> Browser:
    """Start the browser that is installed; skip the test if there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None and os.environ.get("CI") != "true":
        pytest.skip("no Chromium on this machine (apt install chromium); with CI=true that is a failure")
    return playwright.chromium.launch(executable_path=path, args=SWITCHES)


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """An empty page of the administrator's, logged in, that fails the test on any error or request to another host."""
    with faultless_page(browser, server.url) as page:
        log_in_unseen(page, server)
        yield page


@contextmanager
def faultless_page(browser: Browser, url: str) -> Iterator[Page]:
    """Open a page, and fail afterwards if there was any error or request to another host than that of the URL."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(30_000)
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith((url, "data:")) else complaints.append(request.url),
    )
    yield page
    context.close()
    assert not complaints, "\n".join(complaints)


def explore(server: Server, search: str) -> str:
    """Return the address of a search in the dataset `logs`; without a dataset, Explore begins with the busiest."""
    with psycopg.connect(server.database_url) as database:
        rows = database.execute("SELECT id FROM events_dataset WHERE name = 'logs'").fetchall()
    ((dataset,),) = rows
    return f"{server.url}/console/explore/?dataset={dataset}&q={search}"


def serious_barriers(page: Page) -> list[tuple[str, Any]]:
    """Return what axe-core finds that keeps people with disabilities from using the page."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"]) for one in found if one["impact"] in ("serious", "critical")]


def drag_over_right_half(page: Page, chart: Locator) -> None:
    """Choose the later half of a chart's time with the mouse."""
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20, steps=4)
    page.mouse.up()


def log_in_unseen(page: Page, server: Server) -> None:
    """Send what the login form would, without a look at it: a page takes a second of processor time."""
    address = f"{server.url}/console/login/"
    page.request.get(address)
    [token] = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken"]
    form = {"username": server.email, "password": server.password, "csrfmiddlewaretoken": token}
    answer = page.request.post(address, form=form, headers={"Referer": address}, max_redirects=0)
    assert answer.status == 302, answer.text()


def log_in(page: Page, server: Server, password: str) -> None:
    page.goto(f"{server.url}/console/")
    page.get_by_label("E-mail address").fill(server.email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
