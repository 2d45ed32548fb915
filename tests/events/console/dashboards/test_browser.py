"""A dashboard in a real browser: made in the editor, shown, one panel failing alone, and read in full screen."""

import re

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.automation import Automation
from tests.browser import browser, drag_over_right_half, page, serious_barriers  # noqa: F401  (fixtures)
from tests.server import Server

SEARCH = "namespace:dashboards"
OWN = f'datasets: [logs], q: "{SEARCH}", calculations: [{{op: count}}]'
TEXT = f"""\
type: dashboard
version: 1
name: browser
data:
  refresh: 30s
  columns: 3
  widgets:
    - {{title: All, type: statistic, query: {{{OWN}}}}}
    - {{title: By level, type: timeseries, width: 2, query: {{{OWN}, group_by: [level]}}}}
    - {{title: By service, type: bar, query: {{{OWN}, group_by: [service]}}}}
    - {{title: Missing, type: bar, height: 1, query: no-such-query}}
    - title: Percentiles
      type: timeseries
      query: {{{OWN.replace("count", "p50, path: n}, {op: p95, path: n")}}}
    - {{title: Many, type: table, height: 1, query: {{{OWN}, group_by: [n], limit: 100}}}}
    - {{title: Newest, type: events, query: {{datasets: [logs], q: "{SEARCH}"}}}}
    - {{title: Far below, type: table, height: 12, width: 3, query: {{{OWN}}}}}
    - {{title: Out of sight, type: table, query: {{{OWN}, group_by: [service]}}}}
"""


@pytest.fixture(scope="module")
def sent(server: Server) -> None:
    names = ("api", "api", "web")
    events = [{"level": "error", "service": name, "message": f"from {name}", "n": n} for n, name in enumerate(names)]
    assert server.post("/v1/logs/dashboards", events).status == 202


def panel(page: Page, title: str):  # noqa: F811
    return page.locator(f'[data-panel][aria-label="{title}"]')


def test_dashboard_from_its_yaml_to_full_screen(page: Page, server: Server, sent: None) -> None:  # noqa: F811
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{server.url}/console/dashboards/")
    page.get_by_label("A new one for the dataset").select_option("main / logs")
    page.get_by_role("button", name="New dashboard").click()
    text = page.get_by_label("YAML")
    expect(text).to_have_value(re.compile("^type: dashboard\n"))
    expect(panel(page, "Services").locator("strong")).to_be_visible()  # the preview
    assert serious_barriers(page) == []

    text.fill(TEXT.replace("type: bar", "type: pie", 1))
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Line 10").click()
    assert "type: pie" in page.evaluate("() => getSelection().toString()")
    text.fill(TEXT)
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Dashboard browser saved.")).to_be_visible()
    expect(panel(page, "All").locator("strong")).to_have_text("3")
    expect(panel(page, "By level").locator(".ev-legend")).to_have_text(re.compile(r"error\s+3"))
    expect(panel(page, "By service").get_by_role("listitem")).to_have_text(
        [re.compile(r"api\s+2"), re.compile(r"web\s+1")]
    )
    expect(panel(page, "Missing")).to_contain_text("The project has no saved query 'no-such-query'.")
    expect(panel(page, "Missing").get_by_role("button", name="Try again")).to_be_visible()
    assert panel(page, "Missing").get_by_role("alert").evaluate("all => all.scrollHeight <= all.clientHeight")
    expect(panel(page, "Out of sight")).to_contain_text("Loading")  # until somebody scrolls to it
    panel(page, "Out of sight").scroll_into_view_if_needed()
    expect(panel(page, "Out of sight").get_by_role("link", name="web")).to_be_visible()

    assert serious_barriers(page) == []

    page.get_by_role("button", name="Full screen").click()
    expect(page.get_by_role("button", name="Leave full screen")).to_be_visible()
    assert page.evaluate("document.fullscreenElement.matches('[data-dashboard]')")
    page.get_by_role("button", name="Leave full screen").click()
    expect(page.get_by_role("button", name="Full screen", exact=True)).to_be_visible()

    panel(page, "Newest").locator("summary").first.click()
    around = panel(page, "Newest").get_by_role("link", name="Events around it")
    expect(around).to_have_attribute("href", re.compile("^/console/explore/"))
    panel(page, "By service").get_by_role("link", name="By service").click()
    page.wait_for_url("**/console/explore/**by=service**")
    expect(page.locator(".ev-groups tbody tr")).to_have_count(2)


def test_panels_ask_anew_and_try_again(page: Page, server: Server, sent: None) -> None:  # noqa: F811
    Automation(server).deploy(yaml.safe_load(TEXT) | {"name": "deployed"})
    page.clock.install()
    page.goto(f"{server.url}/console/dashboards/")
    page.get_by_role("link", name="deployed", exact=True).click()
    expect(panel(page, "All").locator("strong")).to_have_text("3")
    panel(page, "Newest").locator("summary").first.click()

    assert server.post("/v1/logs/dashboards", [{"level": "info", "message": "new"}]).status == 202
    page.clock.fast_forward(31_000)
    expect(panel(page, "All").locator("strong")).to_have_text("4")
    expect(panel(page, "Newest").locator(".ev-event")).to_have_count(3)  # somebody reads it

    many = panel(page, "Many").locator(".ev-widget-body")
    expect(many.locator("tbody tr")).to_have_count(4)
    many.evaluate("body => body.scrollTop = 30")
    web = panel(page, "By service").get_by_role("link", name="web")
    web.focus()
    page.route("**/panels/0/**", lambda route: route.fulfill(body="", headers={"Retry-After": "2"}), times=1)
    assert server.post("/v1/logs/dashboards", [{"level": "info", "message": "newer"}]).status == 202
    page.clock.fast_forward(31_000)
    expect(panel(page, "Newest").locator(".ev-event")).to_have_count(3)
    expect(panel(page, "By level").locator(".ev-legend")).to_have_text(re.compile(r"info\s+2"))
    expect(panel(page, "All").locator("strong")).to_have_text("4")  # its turn hasn't come
    expect(panel(page, "By service").get_by_role("listitem")).to_have_count(3)  # there is a new group,
    expect(web).to_be_focused()  # and the keyboard's focus is where it was
    page.clock.fast_forward(2_500)
    expect(panel(page, "All").locator("strong")).to_have_text("5")
    assert many.evaluate("body => body.scrollTop") == 30

    page.get_by_role("button", name="15 min").click()
    page.wait_for_url("**?from=15m&to=now&refresh=30s")
    expect(panel(page, "All").locator("strong")).to_have_text("5")

    drag_over_right_half(page, panel(page, "By level").locator(".ev-chart svg"))
    page.wait_for_url("**/console/dashboards/*/?from=20*&to=20*&refresh=30s")
    expect(panel(page, "All").locator("strong")).to_have_text("5")
    page.go_back()
    expect(page.get_by_label("From", exact=True)).to_have_value("15m")

    page.evaluate("() => { window.print = () => { document.body.dataset.printed = document.body.innerText } }")
    page.get_by_role("button", name="Print").click()
    expect(page.locator("body")).to_have_attribute("data-printed", re.compile("Out of sight"))
    assert "Loading" not in str(page.locator("body").get_attribute("data-printed"))  # also what is out of sight
    page.emulate_media(media="print")
    expect(page.locator("#nav-sidebar")).to_be_hidden()
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    assert many.evaluate("body => body.scrollHeight <= body.clientHeight")  # the panel is whole
    page.emulate_media(media="screen")

    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
