"""Errors that mean the database is away, and connections of threads that must outlive it."""

import logging

from django.db import Error, InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

# PostgreSQL doesn't answer or closed the connection: a retry may succeed. If a pool has no connection to give
# (psycopg_pool.PoolTimeout), Django raises OperationalError as well.
DATABASE_AWAY = (OperationalError, InterfaceError)
# Any database error: it is away, or it refused the statement.
DATABASE_FAILED = Error

QUERY_CANCELED = "57014"  # SQLSTATE
CONTENTION = "40"  # SQLSTATE class: PostgreSQL rolled back one transaction so that another can continue


def disconnect() -> None:
    """Close this thread's connection to PostgreSQL, which may be broken. Never raises."""
    try:
        connection.close()
    except Exception:  # a broken connection may fail to close
        logger.debug("a broken connection could not be closed", exc_info=True)


def is_contention(error: BaseException) -> bool:
    """Return whether two transactions got in each other's way: this one may succeed if retried."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(CONTENTION)


def is_time_out(error: BaseException) -> bool:
    """Return whether PostgreSQL ended a statement, as after its statement_timeout."""
    return getattr(error.__cause__, "sqlstate", None) == QUERY_CANCELED
