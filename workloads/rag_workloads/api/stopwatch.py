"""How long the steps of a question take."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rag_workloads import tracing
from rag_workloads.web import metrics


@dataclass
class Stopwatch:
    """Seconds by step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def time(self, step: str) -> Iterator[tracing.Span]:
        """Time a step, which is a span of its own."""
        start = time.perf_counter()
        try:
            with tracing.apart(step) as span:
                yield span
        finally:
            self.seconds[step] = round(time.perf_counter() - start, 4)
            metrics.QUESTION_SECONDS.labels(step).observe(self.seconds[step])
