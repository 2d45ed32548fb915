import logging


class WithoutThreadAdvice(logging.Filter):
    """Leaves out granian's advice, at every start, to have fewer threads than requests that wait for the disk.

    Ingest threads sleep in fdatasync together; sixteen of them share one sync (design: group commit).
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line is to be shown."""
        return not record.getMessage().startswith("Configuration allows spawning up to")
