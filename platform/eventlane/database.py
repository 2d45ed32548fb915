"""PostgreSQL may be away: the errors that say so, and connections in threads that have to live on."""

import logging

from django.db import Error, InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

# PostgreSQL doesn't answer, or broke off: the same may work later. Django turns a pool that has no connection to give
# (psycopg_pool.PoolTimeout) into an OperationalError, too.
DATABASE_AWAY = (OperationalError, InterfaceError)
# Any error of the database: it is away, or it refuses what it is asked.
DATABASE_FAILED = Error

CONTENTION = "40"  # SQLSTATE class: PostgreSQL rolled back one transaction so that another can go on


def disconnect() -> None:
    """Drop this thread's connection to PostgreSQL, which may be what is broken. Never raises."""
    try:
        connection.close()
    except Exception:  # it is closed because it is broken
        logger.debug("a broken connection could not be closed", exc_info=True)


def is_contention(error: BaseException) -> bool:
    """Tell whether transactions got in each other's way: this one may succeed when it begins anew."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(CONTENTION)
