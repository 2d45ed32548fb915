"""The console for people with disabilities: what axe-core finds on pages with data, and the menu by keyboard."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.automation import Automation, local_settings
from tests.browser import explore, serious_barriers
from tests.server import Server

LOOKS = [(1280, "light"), (390, "dark")]
LEVELS = ("error", "warn", "info", None)


def spec(type: str, name: str, **data: Any) -> dict[str, Any]:
    return {"type": type, "version": 1, "name": name, "data": data}


ASKED = {"datasets": ["logs"], "q": "level:error"}
CODE = {"runtime": {"name": "local"}, "steps": [{"code": "echo no\nexit 3\n"}]}
SPECS = [
    spec("task", "broken", **CODE),
    spec("pipeline", "breaks", tasks=[{"task": "broken"}]),
    spec("command", "break", pipelines=["breaks"]),
    spec("query", "errors", **ASKED),
    spec("channel", "on-call", kind="email", to=["on-call@example.com"]),
    spec("alert", "many-errors", query=ASKED, threshold="> 1", frequency="10s", channels=["on-call"]),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A platform that can run local tasks."""
    running = Server(**local_settings())
    yield running
    running.close()


@pytest.fixture(scope="module")
def deployed(server: Server) -> Automation:
    """Give every page something to show: events, requests in quarantine, the ledger, a failed pipeline, an alert."""
    sent = [{"message": f"{level} {number}", "level": level} for level in LEVELS for number in range(3)]
    assert server.post("/v1/logs/barriers", sent).status == 202
    ingest = ("--rights", "ingest", "--project", "main", "--quarantine-after", "1")
    key = server.manage("create_api_key", "odd", *ingest).stdout.strip()
    assert server.post("/v1/logs/odd", [5], x_api_key=key).status == 202
    automation = Automation(server)
    automation.deploy(*SPECS)
    server.manage("ledger")
    [run] = automation.execute("break")
    automation.wait_for(run, "failed")
    return automation


def barriers(page: Page) -> dict[str, Any]:
    """Return what axe-core finds in each look of the page as it is."""
    found = {}
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
        found[f"{width} {scheme}"] = serious_barriers(page)
    return {look: one for look, one in found.items() if one}


# Where each page is, and what it shows when it has loaded.
PAGES = {
    "/console/": ".ev-stacked",
    "/console/explore/?q=namespace:barriers": ".ev-stacked",
    "/console/explore/?q=namespace:barriers&by=level": ".ev-groups tbody",
    "/console/explore/?q=namespace:bariers": ".ev-reasons",
    "/console/explore/alert/?dataset={dataset}&q=level:error": "textarea",
    "/console/explore/trigger/?dataset={dataset}&q=level:error": "pre",
    "/console/dashboards/": "#content",
    "/console/events/alert/": "#result_list tbody",
    "/console/events/quarantinedrequest/": "#result_list tbody",
    "/console/ledger/": ".ev-ledger",
    "/console/system/": ".ev-statistics",
    "/console/pipelines/pipeline/": ".ev-timeline-row",
    "/console/pipelines/resource/?type__exact=channel": "#result_list tbody",
    "/console/pipelines/resource/?type__exact=query": "#result_list tbody",
}
# Lists whose first row leads to a page, and what is there.
ROWS = {
    "/console/events/alert/": "#content h2",
    "/console/events/quarantinedrequest/": "#content",
    "/console/pipelines/pipeline/": "[data-node]",
    "/console/pipelines/resource/?type__exact=channel": "pre",
    "/console/pipelines/resource/?type__exact=query": "pre",
}


@pytest.mark.drill  # takes minutes on a slow machine
def test_pages_with_data_have_no_serious_barrier(page: Page, server: Server, deployed: Automation) -> None:
    [(dataset,)] = deployed.query("SELECT id FROM events_dataset WHERE name = 'logs'")
    for path, loaded in PAGES.items():
        page.goto(server.url + path.replace("{dataset}", dataset))
        expect(page.locator(loaded).first).to_be_visible()
        assert barriers(page) == {}, path
        if path in ROWS:
            page.locator("#result_list tbody a").first.click()
            expect(page.locator(ROWS[path]).first).to_be_visible()
            assert barriers(page) == {}, page.url


def test_keys_and_login_have_no_serious_barrier(page: Page, server: Server) -> None:
    page.goto(explore(server, "namespace:barriers"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert barriers(page) == {}
    page.context.clear_cookies()
    page.goto(f"{server.url}/console/login/")
    assert barriers(page) == {}


def test_menu_is_opened_and_closed_by_keyboard_on_a_phone(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/console/system/")
    menu = page.get_by_role("button", name="Menu", exact=True)
    close = page.get_by_role("button", name="Close the menu")
    expect(page.get_by_role("navigation")).to_have_count(0)
    for leave in ("Enter", "Escape"):
        menu.focus()
        page.keyboard.press("Enter")
        expect(menu).to_have_attribute("aria-expanded", "true")
        expect(close).to_be_focused()
        page.keyboard.press(leave)
        expect(close).to_be_hidden()
        expect(menu).to_be_focused()
        expect(menu).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Ledger").press("Enter")
    expect(page).to_have_url(f"{server.url}/console/ledger/")
    expect(page.get_by_role("main")).to_contain_text("What became of accepted events")
