"""Telling the log what went wrong, where nobody is there to be told.

The logger is ``portside``; ``logging`` is imported with the first trouble, not before.
"""

from __future__ import annotations

from portside.errors import EndOfStream, HandshakeFailed, ProtocolError, TruncatedStream

__all__ = ["report_accept_trouble", "report_failure"]


def report_failure(error: BaseException, connection: object) -> None:
    """Log that a handler ended with an exception.

    A peer that hung up, or broke the rules, is worth a line, and one that does not know TLS
    well a line of information: the open internet is full of those.  Anything else is a fault
    in the program and gets its traceback.
    """
    import logging

    logger = logging.getLogger("portside")
    if isinstance(error, HandshakeFailed | TruncatedStream):
        logger.info("%s: %s: %s", connection, type(error).__name__, error)
    elif isinstance(error, EndOfStream | ProtocolError | ConnectionError | TimeoutError):
        logger.warning("%s: %s: %s", connection, type(error).__name__, error)
    else:
        logger.error("%s: the handler failed", connection, exc_info=error)


def report_accept_trouble(error: OSError, listener: object, pause: float, untold: int) -> None:
    """Log that connections cannot be accepted for a while."""
    import logging

    more = f" ({untold} more times since the last report)" if untold else ""
    logging.getLogger("portside").warning(
        "%s: cannot accept: %s; trying again in %g s%s", listener, error, pause, more
    )
