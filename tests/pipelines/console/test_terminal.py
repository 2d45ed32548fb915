"""Output of tasks as pages show it."""

import pytest

from pipelines.console.terminal import as_html, as_text


@pytest.mark.parametrize(
    ("output", "html"),
    [
        ("plain <b> & text\n", "plain &lt;b&gt; &amp; text\n"),
        ("\x1b[31mred\x1b[0m plain", '<span class="ev-red">red</span> plain'),
        (
            "\x1b[1;92mgreen\x1b[39m bold",
            '<span class="ev-bold ev-green">green</span><span class="ev-bold"> bold</span>',
        ),
        ("\x1b[31m<script>\x1b[m", '<span class="ev-red">&lt;script&gt;</span>'),
        ("\x1b[38;5;200mpink\x1b[38;2;1;2;3mrgb\x1b[31mred", 'pinkrgb<span class="ev-red">red</span>'),
        ("10%\r50%\r100%\r\ndone\r\n", "100%\ndone\n"),
        ("50%\r", "50%"),
        ("\x1b]0;title\x07shown\x1b[2K\x1b[?25l\x1b(B", "shown"),
        ("bell\x07 and cut off \x1b[3", "bell and cut off "),
        ("\x1b[99999999999999m\x1b[;;mok", "ok"),
    ],
)
def test_output_of_a_terminal_is_shown_without_boxes(output: str, html: str) -> None:
    assert as_html(output) == html
    assert "\x1b" not in as_text(output) and "\r" not in as_text(output) and "<span" not in as_text(output)
