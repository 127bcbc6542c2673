"""Asks the pipeline's own API for its counts and its problems."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import httpx
from pydantic import ValidationError

from rag_contract.endpoints import API_PORT, STATS_PATH
from rag_contract.limits import PROBE_SECONDS
from rag_contract.stats import ComponentProblem, Stats
from rag_operator import names
from rag_operator.evidence import Observed
from rag_operator.names import SERVICE, Component
from rag_operator.pipeline import RagPipeline


class Told(NamedTuple):
    """What the API says: its counts, None if it has none now, and what is wrong."""

    stats: Stats | None = None
    problems: Sequence[ComponentProblem] = ()


async def read_stats(
    pipeline: RagPipeline, observed: Observed, user_secrets: Mapping[str, Mapping[str, str]]
) -> Told:
    """Ask the pipeline's API; nothing is told when it does not answer as it should."""
    name = names.child_name(pipeline, Component.API)
    workload = observed.workload(name)
    # Behind a Service of somebody else, which is not among the children, nobody must learn the key.
    if workload is None or workload.ready == 0 or observed.child(SERVICE.kind, name) is None:
        return Told()
    key = next(iter(pipeline.spec.api.auth.references), None)  # any may ask, at no cost to it
    value = user_secrets.get(key.name, {}).get(key.key, "") if key else ""
    headers = {b"X-API-Key": value.strip().encode()} if key else None
    url = names.url(pipeline, Component.API, API_PORT) + STATS_PATH
    try:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS, trust_env=False) as client:
            return told(await client.get(url, headers=headers))
    except httpx.HTTPError:
        return Told()


def told(answer: httpx.Response) -> Told:
    """Return what an answer says; a 503 says that Redis, which alone holds the counts, is away."""
    try:
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            away = ComponentProblem(component="redis", reason="RedisAway", message=answer.json()["detail"])
            return Told(problems=[away])
        stats = Stats.model_validate_json(answer.raise_for_status().content)
        return Told(stats, stats.problems)
    except (httpx.HTTPError, ValidationError, ValueError, LookupError, TypeError):
        return Told()
