"""The palette in a real browser: Ctrl+K or the button, a name, and where it leads."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import serious_barriers
from tests.server import Server

LINE = "#search-input-command"
CHOSEN = "#palette-found [aria-selected=true]"


@pytest.fixture(scope="module", autouse=True)
def _datasets(server: Server) -> None:
    for name in ("orders-eu", "orders-us", "orders"):
        server.manage("create_dataset", name, "--project", "main")


def test_name_is_found_and_opened_by_keyboard(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console/system/")
    page.keyboard.press("Control+k")
    line, chosen = page.locator(LINE), page.locator(CHOSEN)
    expect(line).to_be_focused()
    page.keyboard.type("orders")
    expect(chosen).to_have_text(re.compile(r"orders\s+Dataset · main"))
    expect(line).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("orders-eu")
    assert chosen.get_attribute("id") == line.get_attribute("aria-activedescendant")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_contain_text("orders-us")  # the last one
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/console/explore/"))
    expect(page.locator("#dataset option:checked")).to_contain_text("orders-us")
    expect(page.locator("#palette")).to_be_hidden()
    page.go_back()
    expect(page.locator("#palette")).to_be_hidden()


def test_enter_may_come_before_the_answer(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console/system/")
    page.keyboard.press("Control+k")
    expect(page.locator(LINE)).to_be_focused()
    page.keyboard.type("ledger")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{server.url}/console/ledger/")


def test_it_opens_from_a_field_too_and_closes(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console/explore/")
    page.locator("#q").focus()
    page.keyboard.press("Control+k")
    expect(page.locator(LINE)).to_be_focused()
    page.keyboard.type("no-such-name")
    note = page.locator("#palette [role=status]")
    expect(note).to_have_text("Nothing has “no-such-name” in its name.")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("?")  # typed into the field, and no key of Explore's
    page.locator("body").press("Control+k")
    page.mouse.click(5, 5)
    expect(page.locator("#palette")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_has_a_button_room_and_no_barrier(page: Page, server: Server, scheme: str) -> None:
    page.set_viewport_size({"width": 390, "height": 700})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server.url}/console/system/")
    page.get_by_role("button", name="Find anything").click()
    page.locator(LINE).fill("a")
    expect(page.locator(CHOSEN)).to_be_visible()
    box = page.locator("#palette").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] + box["height"] <= 700
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#palette").evaluate("one => one.scrollWidth <= one.clientWidth")
    assert serious_barriers(page) == []
    page.locator("#palette-found a", has_text="Datasets").click()
    expect(page).to_have_url(f"{server.url}/console/events/dataset/")


def test_failure_is_told_and_the_next_key_tries_again(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console/system/")
    failing = re.compile("/console/search/")

    def answer(route: Route) -> None:  # as from a server that shows no page now: without an error in the browser's log
        route.fulfill(status=302, headers={"Location": "/console/login/"})

    page.route(failing, answer)
    page.keyboard.press("Control+k")
    page.locator(LINE).fill("orders")
    expect(page.locator("#palette [role=status]")).to_have_text("You are logged out: reload the page.")
    page.unroute(failing, answer)
    page.locator(LINE).press("End")
    page.keyboard.type("-eu")
    expect(page.locator(CHOSEN)).to_contain_text("orders-eu")
