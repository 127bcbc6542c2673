"""Asks the pipeline's own API for its counts and its problems."""

from collections.abc import Mapping

import httpx
from pydantic import ValidationError

from rag_contract.endpoints import API_PORT, STATS_PATH
from rag_contract.stats import Stats
from rag_operator import names
from rag_operator.evidence import Evidence
from rag_operator.names import Component

TIMEOUT_SECONDS = 2


async def read_stats(evidence: Evidence, user_secrets: Mapping[str, Mapping[str, str]]) -> Stats | None:
    """Ask the pipeline's API; None when it does not answer as it should."""
    workload = evidence.workload(Component.API)
    # Behind a Service of somebody else nobody must learn the key.
    if workload is None or workload.ready == 0 or evidence.refused(Component.API):
        return None
    key = next(iter(evidence.spec.api.auth.references), None)  # any may ask, whatever its scopes
    value = user_secrets.get(key.name, {}).get(key.key, "") if key else ""
    headers = {b"X-API-Key": value.strip().encode()} if key else None
    url = names.url(evidence.pipeline, Component.API, API_PORT) + STATS_PATH
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = (await client.get(url, headers=headers)).raise_for_status()
        return Stats.model_validate_json(answer.content)
    except (httpx.HTTPError, ValidationError):
        return None
