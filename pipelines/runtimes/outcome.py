"""How a run ends when it isn't successful."""


class TaskFailed(Exception):
    """The task failed. The message is shown to users and holds no secret."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class TaskStopped(Exception):
    """The run was told to stop before it ended."""
