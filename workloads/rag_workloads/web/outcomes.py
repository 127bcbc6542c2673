"""What became of requests, as a counter with the label `status` tells it."""

import contextlib
from collections.abc import Iterator

from prometheus_client import Counter

from rag_workloads.web.disconnects import ClientLeft
from rag_workloads.web.problems import Problem

STATUSES = ("success", "refused", "error", "cancelled")


def begin(counter: Counter) -> None:
    """Show zeros: a query sees the first of something only as a step from none."""
    for status in STATUSES:
        counter.labels(status)


@contextlib.contextmanager
def counted(counter: Counter, *, success: bool = True) -> Iterator[None]:
    """Count what became of the request; one that only began is not counted as a success."""
    status = "cancelled"
    try:
        yield
        status = "success"
    except ClientLeft:
        raise
    except Exception as error:
        status = "refused" if isinstance(error, Problem) and error.status < 500 else "error"
        raise
    finally:
        if success or status != "success":
            counter.labels(status).inc()
