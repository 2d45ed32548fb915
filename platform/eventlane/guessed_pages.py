"""Addresses of the console that people guess, like /console/alerts/: they lead to the list that is meant."""

import re

from django.urls import reverse

from eventlane.palette import KINDS
from eventlane.unfold import menu_pages


def guessed_page(word: str) -> str | None:
    """Return the address of the list or page that a word means, in singular or plural, however it is hyphenated."""
    pages = {_plain(str(page["title"])): str(page["link"]) for _, page in menu_pages()}
    pages.setdefault("events", reverse("console-explore"))
    for kind in KINDS:
        url = pages.get(_plain(kind.plural)) or (kind.list_url() if kind.list_url else None)
        if url:
            for known in (kind.title, kind.plural, *kind.also):
                pages.setdefault(_plain(known), url)
    return pages.get(_plain(word))


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
