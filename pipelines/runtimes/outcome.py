"""How an attempt ends if it isn't successful."""


class TaskFailed(Exception):
    """The task failed. The message is shown to users and contains no secrets."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class TaskStopped(Exception):
    """The attempt was told to stop before it ended."""
