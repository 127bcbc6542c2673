"""Asks the pipeline's own API for its counts and its problems."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import httpx
from pydantic import ValidationError

from rag_contract.endpoints import API_PORT, READY_PATH, STATS_PATH
from rag_contract.limits import PROBE_SECONDS
from rag_contract.stats import ComponentProblem, ProblemComponent, Stats
from rag_operator import names
from rag_operator.evidence import Observed
from rag_operator.names import COMPONENT, SERVICE, Component
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
    if workload and workload.ready == 0:
        return await _why_unready(observed)
    # Behind a Service of somebody else, which is not among the children, nobody must learn the key.
    if workload is None or observed.child(SERVICE.kind, name) is None:
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


async def _why_unready(observed: Observed) -> Told:
    """Ask one of the API's pods what keeps it from being ready, which it tells without a key."""
    running = (
        pod["status"]["podIP"]
        for pod in observed.pods
        if pod["metadata"]["labels"].get(COMPONENT) == Component.API and pod["status"].get("podIP")
    )
    if (address := next(running, None)) is None:
        return Told()
    host = f"[{address}]" if ":" in address else address
    try:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS, trust_env=False) as client:
            answer = await client.get(f"http://{host}:{API_PORT}{READY_PATH}")
    except httpx.HTTPError:
        return Told()
    return Told(problems=_detail("api", "NotReady", answer, starting=True))


def _detail(
    component: ProblemComponent, reason: str, answer: httpx.Response, *, starting: bool = False
) -> Sequence[ComponentProblem]:
    """Return what a 503 says, as a problem of a component; nothing where it says nothing."""
    try:
        message = answer.json()["detail"] if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else ""
        problem = ComponentProblem(component=component, reason=reason, message=message, starting=starting)
    except (ValueError, LookupError, TypeError):
        return ()
    return [problem] if message else ()


def told(answer: httpx.Response) -> Told:
    """Return what an answer says; a 503 says that Redis, which alone holds the counts, is away."""
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return Told(problems=_detail("redis", "RedisAway", answer))
    try:
        stats = Stats.model_validate_json(answer.raise_for_status().content)
        return Told(stats, stats.problems)
    except (httpx.HTTPError, ValidationError):
        return Told()
