"""What the pipeline's own API counts: documents and the depth of the queues."""

from collections.abc import Mapping
from typing import NamedTuple

import httpx

from rag_operator import names
from rag_operator.evidence import Evidence
from rag_operator.names import API_PORT, Component

TIMEOUT_SECONDS = 2


class Stats(NamedTuple):
    """Counts of one pipeline."""

    documents: int
    """Documents that can be asked about."""
    queue_depth: int
    """Documents and batches in the queues, waiting and running."""


async def read_stats(evidence: Evidence, user_secrets: Mapping[str, Mapping[str, str]]) -> Stats | None:
    """Ask the pipeline's API; None when it does not answer as it should."""
    workload = evidence.workload(Component.API)
    if workload is None or workload.ready == 0:
        return None
    key = evidence.spec.api.auth.api_key_secret_ref
    headers = {"X-API-Key": user_secrets.get(key.name, {}).get(key.key, "")} if key else {}
    url = f"{names.url(evidence.pipeline, Component.API, API_PORT)}/api/v1/stats"
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = (await client.get(url, headers=headers)).raise_for_status().json()
        depth = sum(int(length) for length in answer["queue"].values())
        return Stats(documents=int(answer["documents"]["completed"]), queue_depth=depth)
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError):
        return None
