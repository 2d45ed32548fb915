"""Stack traces, of which one line says what went wrong: the rest is folded away."""

import re
from dataclasses import dataclass

# Python; Java, JavaScript and C#; Go and most others, where a frame ends with its line.
_FRAME = re.compile(r'^[ \t]+(File ".*", line \d+.*|at \S.*|\S.*:\d+\)?( \+0x[0-9a-f]+)?)[ \t\r]*$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class StackTrace:
    """A stack trace: its last line that is no frame, and how many lines there are."""

    line: str
    lines: int


def telling_line(message: str) -> str:
    """Return what a stack trace says; any other message as it is."""
    trace = read_stack_trace(message)
    return trace.line if trace else message


def read_stack_trace(text: str) -> StackTrace | None:
    """Return what a text says if it is a stack trace, whose frames are indented and what went wrong isn't."""
    if "\n" not in text or not _FRAME.search(text):
        return None
    lines = text.rstrip().splitlines()
    telling = [line for line in lines if line and not line[0].isspace()]
    return StackTrace(telling[-1].strip(), len(lines)) if telling else None
