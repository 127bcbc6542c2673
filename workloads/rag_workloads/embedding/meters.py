"""What the lanes measure: what waits in them, and what each inference is made of."""

import time
from collections.abc import Sequence

from rag_workloads.embedding.calls import Window
from rag_workloads.embedding.engine import Lane
from rag_workloads.web import metrics


def joined(lane: Lane, windows: Sequence[Window]) -> None:
    """Texts wait in a lane."""
    metrics.LANE_TEXTS.labels(lane.name.lower()).inc(len(windows))
    metrics.LANE_TOKENS.labels(lane.name.lower()).inc(_tokens(windows))


def left(lane: Lane, windows: Sequence[Window]) -> None:
    """They wait no more."""
    metrics.LANE_TEXTS.labels(lane.name.lower()).dec(len(windows))
    metrics.LANE_TOKENS.labels(lane.name.lower()).dec(_tokens(windows))


def taken(lane: Lane, batch: Sequence[Window]) -> None:
    """They are the next inference, padded to the longest of them."""
    left(lane, batch)
    waited, now = metrics.LANE_SECONDS.labels(lane.name.lower()), time.monotonic()
    for window in batch:
        waited.observe(now - window.since)
    texts = _tokens(batch)
    metrics.INFERENCE_TEXTS.observe(len(batch))
    metrics.INFERENCE_TOKENS.labels("text").inc(texts)
    metrics.INFERENCE_TOKENS.labels("padding").inc(len(batch) * max(map(len, batch)) - texts)


def _tokens(windows: Sequence[Window]) -> int:
    return sum(map(len, windows))
