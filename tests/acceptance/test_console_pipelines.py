"""Pipelines in a real browser: executed from a form, followed while the graph turns green, aborted and restarted."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.automation import Automation, local_settings
from tests.browser import log_in
from tests.server import Server
from tests.waiting import wait_until

WAIT = f"{300 + os.getpid() / 10**9:.9f}"  # found among the processes of this machine, and ended by the test
GREET = f"""\
echo "Hello, $WHO <b>bold</b>"
[ "$WHO" != World ] || sleep {WAIT} || true
echo "and goodbye"
"""
SPECS = [
    {
        "type": "task",
        "version": 1,
        "name": "greet",
        "data": {"runtime": {"name": "local"}, "steps": [{"label": "Greet", "code": GREET}]},
    },
    {
        "type": "task",
        "version": 1,
        "name": "sleep",
        "data": {"runtime": {"name": "local"}, "steps": [{"code": "echo begun\nsleep 300\n"}]},
    },
    {
        "type": "pipeline",
        "version": 1,
        "name": "greetings",
        "data": {
            "tasks": [{"name": "one", "task": "greet"}, {"name": "two", "task": "greet", "dependencies": ["one"]}]
        },
    },
    {"type": "pipeline", "version": 1, "name": "nap", "data": {"tasks": [{"task": "sleep"}]}},
    {
        "type": "command",
        "version": 1,
        "name": "hello",
        "data": {
            "pipelines": ["greetings"],
            "parameters": [{"name": "who", "type": "string", "environment": "WHO", "description": "Whom to greet."}],
        },
    },
    {"type": "command", "version": 1, "name": "doze", "data": {"pipelines": ["nap"]}},
    {
        "type": "trigger",
        "version": 1,
        "name": "on-order-from-the-shop",
        "data": {"connector": "custom", "event": "order_has_been_placed", "pipelines": ["greetings"]},
    },
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A platform that can run local tasks."""
    running = Server(**local_settings())
    yield running
    running.close()


@pytest.fixture(scope="module")
def deployed(server: Server) -> Automation:
    automation = Automation(server)
    automation.deploy(*SPECS)
    return automation


def open_command(page: Page, server: Server, name: str) -> None:
    page.goto(f"{server.url}/console/pipelines/command/")
    page.locator("#result_list").get_by_role("link", name=name, exact=True).click()


def node(page: Page, name: str, status: str) -> Locator:
    return page.locator(f"[data-node={name}][data-status={status}]")


def state(page: Page, status: str) -> Locator:
    return page.locator(f"#pipeline-state[data-status={status}]")


def let_a_task_go_on() -> None:
    """End the wait of a task that greets the world, once it waits."""
    (process, *_) = wait_until(lambda: [folder for folder in Path("/proc").glob("[0-9]*") if waits(folder)])
    os.kill(int(process.name), signal.SIGTERM)
    wait_until(lambda: not waits(process))


def waits(folder: Path) -> bool:
    try:
        return folder.joinpath("cmdline").read_bytes() == f"sleep\0{WAIT}\0".encode()
    except OSError:  # it has ended
        return False


@pytest.mark.slow
def test_command_is_executed_watched_and_restarted(page: Page, server: Server, deployed: Automation) -> None:
    open_command(page, server, "hello")
    page.get_by_role("button", name="Execute").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    page.get_by_label("who").fill("World")
    page.get_by_role("button", name="Execute").click()
    expect(page).to_have_url(re.compile(r"/console/pipelines/pipeline/\w+/change/$"))
    page.evaluate("window.stays = true")
    expect(node(page, "one", "started")).to_be_visible()
    expect(page.get_by_text("Hello, World <b>bold</b>")).to_be_visible()
    expect(node(page, "two", "created")).to_be_visible()
    page.locator("[data-task=one] summary").click()  # closed by hand, it stays closed
    let_a_task_go_on()
    expect(node(page, "one", "successful")).to_be_visible()
    expect(node(page, "two", "started")).to_be_visible()
    let_a_task_go_on()
    expect(state(page, "successful")).to_be_visible()
    expect(node(page, "two", "successful")).to_be_visible()
    assert page.evaluate("window.stays") is True
    assert page.locator("[data-task=one]").get_attribute("open") is None
    node(page, "one", "successful").click()
    expect(page.locator("[data-task=one]").get_by_text("and goodbye")).to_be_visible()

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert not [url for url in asked if "/live/" in url]  # nothing will change, so nothing is asked
    expect(page.get_by_role("button", name="Restart from failure")).to_be_hidden()
    page.get_by_role("button", name="Restart", exact=True).click()
    expect(page.get_by_text("Restarted.", exact=True)).to_be_visible()
    for _ in ("one", "two"):
        let_a_task_go_on()
    expect(state(page, "successful")).to_be_visible()
    page.goto(f"{server.url}/console/pipelines/pipeline/?name=greetings")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("by admin@example.com")


@pytest.mark.slow
def test_long_pipeline_is_aborted(page: Page, server: Server, deployed: Automation) -> None:
    open_command(page, server, "doze")
    page.get_by_role("button", name="Execute").click()
    expect(page.get_by_text("begun", exact=True)).to_be_visible()
    home = page.context.new_page()
    home.goto(f"{server.url}/console/")
    expect(home.locator("[data-live]").get_by_role("link", name="nap")).to_be_visible()
    page.bring_to_front()
    page.get_by_role("button", name="Abort").click()
    expect(state(page, "aborted")).to_be_visible()
    expect(page.locator("[data-live-end]")).to_be_visible()  # its process is gone
    expect(page.get_by_role("button", name="Restart from failure")).to_be_visible()
    home.close()


@pytest.mark.slow
def test_pipeline_is_started_and_followed_without_scripts(
    browser: Browser, server: Server, deployed: Automation
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, server, server.password)
    open_command(page, server, "doze")
    page.get_by_role("button", name="Execute").click()
    expect(page.get_by_text("Reload this page to see its progress.")).to_be_visible()
    server.wait_until(lambda: page.reload() and node(page, "sleep", "started").count(), "the task runs")
    page.get_by_role("button", name="Abort").click()
    expect(state(page, "aborted")).to_be_visible()
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone(page: Page, server: Server, deployed: Automation, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    open_command(page, server, "hello")
    places = [page.url]
    page.get_by_label("who").fill("x" * 200)
    page.get_by_role("button", name="Execute").click()
    places.append(page.url)
    page.get_by_role("link", name="command/execution").click()
    places.append(page.url)
    page.goto(f"{server.url}/console/pipelines/resource/?q=greetings")
    page.locator("#result_list").get_by_role("link", name="greetings", exact=True).click()
    places.append(page.url)
    page.set_viewport_size({"width": 390, "height": 844})
    for place in [*places, f"{server.url}/console/", f"{server.url}/console/pipelines/pipeline/"]:
        response = page.goto(place)
        assert response is not None and response.status == 200
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, place


def test_states_of_what_a_trigger_started_are_seen_on_a_phone(page: Page, server: Server, deployed: Automation) -> None:
    deployed.call("POST", "/events", {"connector": "custom", "name": "order_has_been_placed", "data": {}})
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/console/pipelines/trigger/")
    row = page.locator("#result_list tr", has_text="on-order-from-the-shop")
    is_whole = "cell => cell.clientWidth > 0 && cell.scrollWidth <= cell.clientWidth"
    assert row.locator(".field-last_event").evaluate(is_whole)
    assert row.locator(".field-listens").evaluate("cell => cell.clientWidth") > 60  # what is long gets the rest
    row.get_by_role("link", name="on-order-from-the-shop", exact=True).click()
    rows = page.locator(".ev-event-rows tbody tr")
    expect(rows).to_have_count(1)
    for part in [rows.get_by_text("custom/order_has_been_placed"), rows.locator(".ev-links a > *")]:
        box = part.bounding_box()
        assert box is not None and box["x"] + box["width"] <= 390
