"""The metrics of the engine beside us, which nobody else reaches: they are told with our own."""

from collections.abc import Iterable

import httpx
import structlog
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

# Less than a scrape waits.
SECONDS = 2

log = structlog.get_logger(__name__)


class EngineMetrics(Collector):
    """What an engine said when it was asked last; nothing if it did not answer, or has no metrics."""

    def __init__(self, url: str | None) -> None:
        self._url, self._families = url, list[Metric]()
        self._client = httpx.AsyncClient(timeout=SECONDS)

    async def look(self) -> None:
        """Ask the engine."""
        self._families = []
        if self._url is None:
            return
        try:
            response = await self._client.get(self._url)
            response.raise_for_status()
            self._families = list(text_string_to_metric_families(response.text))
        except (httpx.HTTPError, ValueError) as error:
            log.warning("the engine's metrics are not known", reason=str(error) or type(error).__name__)

    def collect(self) -> Iterable[Metric]:
        """Called at every scrape."""
        return self._families

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
