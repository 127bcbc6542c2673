"""Which of Redis' errors pass by themselves: it is away, or can do nothing for anybody now.

All others, as WRONGTYPE, NOPERM or an error in a script, are mistakes that time does not mend: a job that
meets one has failed, and a request gets 500.
"""

from redis.asyncio.connection import DefaultParser
from redis.exceptions import ConnectionError, OutOfMemoryError, ReadOnlyError, ResponseError, TimeoutError


class NotNowError(ResponseError):
    """Redis does not do it now: its disk or a replica is missing, a script runs for long, a node moves."""


class IndexRetired(ResponseError):
    """Another index of the pipeline answers now: what was asked for is to be asked there."""


AWAY = ConnectionError, TimeoutError, OutOfMemoryError, ReadOnlyError, NotNowError

NOT_NOW_CODES = "BUSY", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOREPLICAS", "TRYAGAIN", "UNBLOCKED"


class Parser(DefaultParser):  # type: ignore[misc, valid-type]  # hiredis' or Python's, whichever is there
    """A connection's parser that knows these codes too: redis-py gives them as any other ResponseError."""

    EXCEPTION_CLASSES = DefaultParser.EXCEPTION_CLASSES | {
        **dict.fromkeys(NOT_NOW_CODES, NotNowError),
        "RETIRED": IndexRetired,  # the code that the library's scripts give
    }
