"""What a step runs: a program with arguments, or its own script."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SCRIPTS = "task/steps"  # below /eventline


def has_script(step: Mapping[str, Any]) -> bool:
    """Return whether the step has its own program: `code`, or `source` whose text was put into `code`."""
    return step.get("code") is not None


def script_of(step: Mapping[str, Any], header: str) -> str:
    """Return the step's program. Without a shebang, it starts with the project's code header."""
    code = step["code"]
    if code.startswith("#!"):
        return code
    return f"{header}{'' if header.endswith(chr(10)) or not header else chr(10)}{code}"


def command_of(step: Mapping[str, Any], header: str, script_path: str) -> list[str]:
    """Return program and arguments of a step whose script is at `script_path`.

    The interpreter is named explicitly, as the kernel would do it: the script's folder may not allow execution, and a
    newly written file can't be executed while a child forked meanwhile still has it open.
    """
    arguments = step.get("arguments") or []
    program = [*interpreter_of(script_of(step, header)), script_path] if has_script(step) else [step["command"]]
    return [*program, *([arguments] if isinstance(arguments, str) else arguments)]


def interpreter_of(script: str) -> list[str]:
    """Return the interpreter in a shebang with its single argument, or /bin/sh."""
    first = script.partition("\n")[0]
    words = first[2:].strip().split(None, 1) if first.startswith("#!") else []
    return [word.strip() for word in words] or ["/bin/sh"]


def scripts_of(steps: Sequence[Mapping[str, Any]], header: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files below /eventline that the steps need."""
    for position, step in enumerate(steps):
        if has_script(step):
            yield f"{SCRIPTS}/{position}", script_of(step, header).encode()


def title_of(step: Mapping[str, Any], position: int) -> str:
    """Return the name of a step for messages."""
    label = step.get("label") or ""
    return f"step {position + 1} ({label})" if label else f"step {position + 1}"
