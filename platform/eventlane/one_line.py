"""What went wrong in one line, as logs, tables and messages show it."""

LONGEST = 500  # characters


def one_line(said: object, longest: int = LONGEST) -> str:
    """Return a text, or what an error says, with single spaces for line ends and runs of spaces; its end may be cut.

    An error without words is shown by its kind.
    """
    return (" ".join(str(said).split()) or type(said).__name__)[:longest]


def kind_and_line(error: BaseException, longest: int = LONGEST) -> str:
    """Return the kind of an error and what it says, in a line."""
    return one_line(f"{type(error).__name__}: {error}", longest).removesuffix(":")
