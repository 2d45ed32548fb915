"""Explore's search line says while it reads the fields for its completions, and when it couldn't."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser import explore, serious_barriers
from tests.server import Server

FIELDS = re.compile("/console/explore/fields/")


def open_explore(page: Page, server: Server) -> None:
    sent = [{"message": "completed", "level": "warn", "till": f"t{number}"} for number in range(3)]
    assert server.post("/v1/logs/completed", sent).status == 202
    page.clock.install()  # it runs on, and a test can put it forward
    page.goto(explore(server, "namespace:completed"))
    expect(page.locator("#total")).to_be_visible()
    page.locator("#q").fill("")


def answered(page: Page, answer: Callable[[Route], None]) -> list[str]:
    """Let what the line asks for be answered so; return the list in which the questions are noted."""
    asked: list[str] = []

    def handle(route: Route) -> None:
        asked.append(route.request.url)
        answer(route)

    page.route(FIELDS, handle)
    return asked


def test_line_says_that_it_reads_the_fields(page: Page, server: Server) -> None:
    open_explore(page, server)
    waiting: list[Route] = []
    asked = answered(page, waiting.append)
    line, note = page.locator("#q"), page.locator("#completing")
    page.set_viewport_size({"width": 390, "height": 844})
    below = page.locator(".ev-ask-where").bounding_box()
    line.press_sequentially("til")
    expect(note).to_have_text("Reading the fields for completions…")
    expect(line).to_have_attribute("aria-busy", "true")
    assert page.locator(".ev-ask-where").bounding_box() == below  # nothing jumps
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious_barriers(page) == []
    line.blur()
    line.press("End")
    assert len(asked) == 1
    [route] = waiting
    route.continue_()
    expect(page.locator("#completions [role=option]")).to_have_text(["till:"])
    expect(note).to_be_empty()
    expect(line).not_to_have_attribute("aria-busy", "true")


def test_failure_is_told_and_typing_tries_again_after_a_while(page: Page, server: Server) -> None:
    open_explore(page, server)
    asked = answered(page, lambda route: route.fulfill(status=302, headers={"Location": "/console/login/"}))
    line, note = page.locator("#q"), page.locator("#completing")
    line.press_sequentially("ti")
    told = "No completions: You are logged out. Typing on tries again."
    expect(note).to_have_text(told)
    expect(line).not_to_have_attribute("aria-busy", "true")
    line.press_sequentially("ll")
    expect(note).to_have_text(told)
    assert len(asked) == 1  # not with each key
    line.blur()
    expect(note).to_be_empty()
    page.clock.fast_forward(6000)
    page.unroute(FIELDS)
    line.press("End")
    page.keyboard.type(":")
    expect(page.locator("#completions [role=option]")).to_have_text([re.compile("till:t[012]")] * 3)  # in any order
    expect(note).to_be_empty()


def test_problem_of_the_server_is_told(page: Page, server: Server) -> None:
    open_explore(page, server)
    problem = '<p class="ev-note" role="alert">The query took too long.</p>'
    answered(page, lambda route: route.fulfill(status=200, content_type="text/html", body=problem))
    page.locator("#q").press_sequentially("ti")
    told = "No completions: The query took too long. Typing on tries again."
    expect(page.locator("#completing")).to_have_text(told)
