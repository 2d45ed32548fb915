"""Errors in one line, as logs, tables and messages show them."""

LONGEST = 500  # characters


def one_line(said: object, longest: int = LONGEST) -> str:
    """Return a text or an error's message with all whitespace as single spaces, cut off if it is too long.

    An error without a message is shown by its class.
    """
    return (" ".join(str(said).split()) or type(said).__name__)[:longest]


def kind_and_line(error: BaseException, longest: int = LONGEST) -> str:
    """Return an error's class and message in one line."""
    return one_line(f"{type(error).__name__}: {error}", longest).removesuffix(":")
