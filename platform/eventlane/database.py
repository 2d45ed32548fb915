"""Django's connections in threads that have to live on."""

import logging

from django.db import connection

logger = logging.getLogger(__name__)


def disconnect() -> None:
    """Drop this thread's connection to PostgreSQL, which may be what is broken. Never raises."""
    try:
        connection.close()
    except Exception:  # it is closed because it is broken
        logger.debug("a broken connection could not be closed", exc_info=True)
