from eventlane.one_line import kind_and_line, one_line


def test_error_is_told_in_one_line() -> None:
    assert (
        one_line(ValueError("connection failed:\n\tis the server\r\n running?\n"))
        == "connection failed: is the server running?"
    )
    assert one_line("said\nelsewhere") == "said elsewhere"


def test_long_error_is_cut() -> None:
    assert one_line("x" * 600) == "x" * 500
    assert one_line("x" * 600, 20) == "x" * 20


def test_error_without_words_is_told_by_its_kind() -> None:
    assert one_line(TimeoutError()) == "TimeoutError"
    assert one_line(TimeoutError("\n")) == "TimeoutError"
    assert kind_and_line(TimeoutError()) == "TimeoutError"


def test_kind_and_line() -> None:
    assert kind_and_line(ValueError("no\nnumber")) == "ValueError: no number"
