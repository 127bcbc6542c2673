"""What consumers count of their queue: each process for itself, so that a query takes the sum of them."""

from prometheus_client import Counter, Histogram

CLAIMS = Counter("queue_claims_total", "Times that a consumer asked its queue for entries.", ["queue"])
RETRIES = Counter("queue_retries_total", "Entries that went back to be run again.", ["queue"])
LEASES_EXPIRED = Counter(
    "queue_leases_expired_total", "Entries that were taken again, as their consumer was lost.", ["queue"]
)
SET_ASIDE = Counter("queue_entries_set_aside_total", "Entries that could not be decoded.", ["queue"])
WAIT_SECONDS = Histogram(
    "queue_wait_seconds",
    "Time that an entry was in its queue before it was first taken.",
    ["queue"],
    buckets=(0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 14400),
)


def begin(queue: str) -> None:
    """Show zeros: a query sees the first of something only as a step from none."""
    for metric in (CLAIMS, RETRIES, LEASES_EXPIRED, SET_ASIDE, WAIT_SECONDS):
        metric.labels(queue)
