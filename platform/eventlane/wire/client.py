"""Whether anybody still waits for the reply that a thread works on."""

from contextvars import ContextVar


class Client:
    """Whoever sent a request. The door sets `gone` when the connection ends; any thread may look."""

    gone = False


CLIENT: ContextVar[Client] = ContextVar("client")  # of the request that this thread works on
