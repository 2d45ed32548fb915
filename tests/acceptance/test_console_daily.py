"""The console as a daily tool, in a real browser: send a first event, watch numbers move, invite, switch projects."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import log_in
from tests.server import ROOT, Server


def create_dataset(server: Server, name: str, project: str = "main") -> None:
    server.manage("create_dataset", name, "--project", project)


def open_send_page(page: Page, server: Server, dataset: str) -> None:
    page.goto(f"{server.url}/console/events/dataset/?q={dataset}")
    page.locator("#result_list").get_by_role("link", name=dataset, exact=True).click()
    page.get_by_role("link", name="How to send events").click()


def copied(page: Page, snippet: str) -> str:
    """Open a snippet, press its button, and return what is in the clipboard."""
    part = page.locator("details", has=page.locator(f"#snippet-{snippet}"))
    if part.get_attribute("open") is None:
        part.locator("summary").click()
    part.get_by_role("button", name="Copy").click()
    expect(part.get_by_role("button", name="Copied")).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def run(server: Server, *command: str, key: str = "") -> "subprocess.CompletedProcess[str]":
    environment = os.environ | server.environment | {"EVENTLANE_KEY": key}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def last_hour(page: Page) -> int:
    return int(page.locator("#last-hour").inner_text().replace(",", ""))


def test_first_event_from_the_copied_curl(page: Page, server: Server) -> None:
    if shutil.which("curl") is None and os.environ.get("CI") != "true":
        pytest.skip("no curl on this machine; with CI=true that is a failure")
    create_dataset(server, "first")
    home = page.context.new_page()
    home.goto(f"{server.url}/console/")
    before = last_hour(home)
    open_send_page(page, server, "first")
    check = page.get_by_text("Waiting for the first event…")
    expect(check).to_be_visible()
    page.get_by_label("Name of the key").fill("first key")
    page.get_by_role("button", name="Create ingest key").click()
    secret = page.get_by_label("API key").input_value()
    curl = copied(page, "curl")
    assert secret in curl and f"{server.url}/v1/first/my-service" in curl
    expect(check).to_be_visible()
    assert "Request Accepted" in run(server, "bash", "-c", curl).stdout
    expect(page.locator("[data-state=arrived]")).to_have_text("Events arrive: 1 in the last hour.", timeout=5000)
    home.bring_to_front()
    expect(home.locator("#last-hour")).to_have_text(f"{before + 1:,}", timeout=30_000)
    expect(home.get_by_role("row", name=re.compile(r"^first\b"))).to_be_visible()

    page.bring_to_front()
    page.reload()  # asks for the page again, and for no other key
    expect(page.get_by_label("Name of the key")).to_be_visible()
    assert secret not in page.content()
    page.goto(f"{server.url}/console/projects/apikey/?q=first+key")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    assert "hello" in server.manage("tail", "first").stdout
    home.close()


def test_other_snippets_work_as_they_are_copied(page: Page, server: Server, tmp_path: Path) -> None:
    create_dataset(server, "snippets")
    open_send_page(page, server, "snippets")
    page.get_by_role("button", name="Create ingest key").click()
    key = page.get_by_label("API key").input_value()
    program = tmp_path / "snippet.py"
    program.write_text(copied(page, "python"))
    assert run(server, sys.executable, str(program), key=key).stdout == "202\n"
    page.evaluate(copied(page, "browser"))
    events = tmp_path / "events.ndjson"
    events.write_text('{"message": "one of a file"}\n{"message": "two of a file"}\n')
    send = copied(page, "send")
    assert key in send and "events.ndjson" in send
    run(server, "bash", "-c", send.replace(".venv/bin/python", sys.executable).replace("events.ndjson", str(events)))
    expect(page.locator("[data-state=arrived]")).to_have_text("Events arrive: 4 in the last hour.")
    found = server.manage("tail", "snippets").stdout
    for words in ("hello from Python", "hello from a browser", "one of a file", "two of a file"):
        assert words in found


def test_statistics_move_without_a_reload_and_keep_the_focus(page: Page, server: Server) -> None:
    create_dataset(server, "moving")
    assert server.post("/v1/logs/daily", [{}]).status == 202  # so that there are events, and the page isn't loaded anew
    page.goto(f"{server.url}/console/")
    expect(page.locator(".ev-loading")).to_have_count(0)  # a part that is being loaded isn't loaded once more
    page.evaluate("window.stays = true")
    link = page.get_by_role("link", name="24 h", exact=True)
    link.focus()
    before, sent = last_hour(page), [{"n": number} for number in range(321)]
    server.wait_until(lambda: server.post("/v1/moving/daily", sent).status == 202, "the new dataset takes events")
    expect(page.locator("#last-hour")).to_have_text(f"{before + 321:,}", timeout=30_000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when somebody comes back to the page
    chart = page.get_by_role("img", name=re.compile("^321 events in the last 60 minutes"))
    expect(chart.first).to_be_visible()
    expect(link).to_be_focused()
    assert page.evaluate("window.stays") is True

    page.goto(f"{server.url}/console/system/")
    page.evaluate("window.stays = true")
    link, as_of = page.locator(".ev-statistics a", has_text="On disk"), page.locator("[data-as-of]").inner_text()
    link.focus()
    expect(page.locator("[data-as-of]")).not_to_have_text(as_of)
    expect(link).to_be_focused()
    assert page.evaluate("window.stays") is True


def test_parts_of_home_wait_for_their_turn(page: Page, server: Server) -> None:
    def error(message: str) -> None:
        assert server.post("/v1/logs/daily", [{"level": "error", "message": message}]).status == 202

    def take_slots() -> None:
        busy = {"body": "<p>Too many</p>", "headers": {"Retry-After": "20"}}
        page.route("**/home/errors/**", lambda route: route.fulfill(**busy), times=1)

    error("came at first")
    page.clock.install()
    take_slots()
    page.goto(f"{server.url}/console/")
    errors = page.locator("[data-live*='/home/errors/']")
    expect(errors).to_contain_text("Waiting for other queries…")
    page.clock.fast_forward(21_000)
    expect(errors).to_contain_text("came at first")

    error("came later")
    take_slots()
    with page.expect_response("**/home/errors/**") as busy:
        page.clock.fast_forward(61_000)
    assert busy.value.text() == "<p>Too many</p>"
    expect(errors).to_contain_text("came at first")
    with page.expect_response("**/home/errors/**"):
        page.clock.fast_forward(21_000)
    expect(errors).to_contain_text("came later")


def test_home_is_whole_without_scripts(browser: Browser, server: Server) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, server, server.password)
    expect(page.get_by_text("events in the last hour")).to_be_visible()
    expect(page.get_by_text("this page shows how things were when it was loaded")).to_be_visible()
    page.locator("#project-choice").select_option("main")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.get_by_text("Only the project main")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    context.close()


def test_invited_person_sets_a_password_and_looks_around(page: Page, browser: Browser, server: Server) -> None:
    page.goto(f"{server.url}/console/")
    page.get_by_role("link", name="Add account").click()
    page.get_by_label("E-mail address").fill("eve@example.com")
    page.get_by_role("button", name="Save").click()
    link = page.get_by_label("Link").input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link
    page.reload()  # asks for the account's page, and for no other link
    expect(page.get_by_label("E-mail address")).to_have_value("eve@example.com")

    eves = browser.new_context().new_page()
    eves.goto(link)
    expect(eves.get_by_text("For eve@example.com of Main.")).to_be_visible()
    for field in eves.locator("input[type=password]").all():
        field.fill("quiet-otter-42")
    eves.get_by_role("button", name="Set password and log in").click()
    expect(eves.get_by_text("events in the last hour")).to_be_visible()
    expect(eves.get_by_role("link", name="Create API key")).to_have_count(0)
    open_send_page(eves, server, "logs")
    expect(eves.get_by_text("Ask an admin of your organization for one.")).to_be_visible()
    eves.goto(link)
    expect(eves.get_by_text("This link doesn't work any more")).to_be_visible()
    eves.context.close()
    page.goto(f"{server.url}/console/system/")
    expect(page.get_by_text("Set a password by a link.")).to_be_visible()


def test_project_is_switched_and_lists_follow(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console/projects/project/add/")
    page.get_by_label("Name").fill("shop")
    page.get_by_role("button", name="Save").click()
    create_dataset(server, "shop-orders", "shop")
    page.goto(f"{server.url}/console/events/dataset/")
    logs = page.locator("#result_list").get_by_role("link", name="logs", exact=True)
    expect(logs).to_be_visible()
    page.locator("#project-choice").select_option("shop")
    expect(page.get_by_text("Only the project shop")).to_be_visible()
    expect(page).to_have_url(f"{server.url}/console/events/dataset/")
    expect(page.locator("#result_list").get_by_role("link", name="shop-orders")).to_be_visible()
    expect(logs).to_have_count(0)
    page.get_by_role("link", name="System").click()
    expect(page.locator(".ev-statistics a", has_text="Datasets")).to_have_text(re.compile(r"\b1\b"))
    page.get_by_role("button", name="Show all projects").click()
    expect(page.get_by_text("Only the project shop")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_new_pages_fit_a_phone(page: Page, server: Server, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    open_send_page(page, server, "logs")
    places = [page.url]
    page.goto(f"{server.url}/console/projects/project/?q=main")
    page.locator("#result_list").get_by_role("link", name="main", exact=True).click()
    places += [page.url.replace("change", "choose"), f"{server.url}/console/password/x/y/"]
    page.set_viewport_size({"width": 390, "height": 844})
    for place in places:
        assert page.goto(place).status == 200
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, place


@pytest.mark.slow
@pytest.mark.drill
def test_database_away_is_said_and_got_over(browser: Browser, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    page = browser.new_context().new_page()
    log_in(page, server, server.password)
    expect(page.get_by_text("events in the last hour")).to_be_visible()
    server.process.send_signal(signal.SIGSTOP)  # or it would start another at once
    try:
        for pid in server.pids_of("postgres"):
            with suppress(ProcessLookupError):  # they end by themselves when the first of them is gone
                os.kill(pid, signal.SIGKILL)
        failure = page.get_by_text("The server can't tell now. The page shows the state at")
        expect(failure).to_be_visible(timeout=40_000)
        other = page.context.new_page()
        assert other.goto(f"{server.url}/console/events/dataset/").status == 503
        expect(other.get_by_text("The database can't be reached")).to_be_visible()
        expect(other.get_by_role("link")).to_have_text(["Try again"])  # the home page can't be shown either
        other.close()
    finally:
        server.process.send_signal(signal.SIGCONT)
    expect(failure).to_be_hidden(timeout=40_000)
    assert server.post("/v1/logs/after", [{"message": "after"}]).status == 202
    expect(page.locator("#last-hour")).to_have_text("1", timeout=40_000)
    page.context.close()
