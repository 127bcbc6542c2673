"""What the operator asks a pipeline's own API, and what it makes of the answer: counts and problems."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import httpx
from pydantic import ValidationError

from rag_contract.endpoints import API_PORT, READY_PATH, STATS_PATH
from rag_contract.stats import ComponentProblem, ProblemComponent, Stats
from rag_operator import names
from rag_operator.evidence import Observed
from rag_operator.names import COMPONENT, SERVICE, Component
from rag_operator.pipeline import RagPipeline


class Told(NamedTuple):
    """What the API says: its counts, None if it has none now, and what is wrong."""

    stats: Stats | None = None
    problems: Sequence[ComponentProblem] = ()
    pending: bool = False
    """Whether no answer can have come yet."""


class Question(NamedTuple):
    """Where to ask, with what key, and whether it is why a pod is not ready that is asked."""

    url: str
    key: str = ""
    why_unready: bool = False


def question_for(
    pipeline: RagPipeline, observed: Observed, user_secrets: Mapping[str, Mapping[str, str]]
) -> Question | None:
    """Return what to ask a pipeline's API; None while there is nobody to ask."""
    name = names.child_name(pipeline, Component.API)
    workload = observed.workload(name)
    if workload and workload.ready == 0:
        return _why_unready(observed)
    # Behind a Service of somebody else, which is not among the children, nobody must learn the key.
    service = observed.child(SERVICE.kind, name)
    # By its address: names are looked up in a few threads, which a DNS server that is away holds up.
    address = service["spec"].get("clusterIP") if service else None
    if workload is None or not address:
        return None
    key = next(iter(pipeline.spec.api.auth.references), None)  # any may ask, at no cost to it
    value = user_secrets.get(key.name, {}).get(key.key, "") if key else ""
    return Question(_url(address, STATS_PATH), value.strip())


def _why_unready(observed: Observed) -> Question | None:
    """Ask one of the API's pods what keeps it from being ready, which it tells without a key."""
    running = (
        pod["status"]["podIP"]
        for pod in observed.pods
        if pod["metadata"]["labels"].get(COMPONENT) == Component.API and pod["status"].get("podIP")
    )
    if (address := next(running, None)) is None:
        return None
    return Question(_url(address, READY_PATH), why_unready=True)


def _url(address: str, path: str) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{API_PORT}{path}"


async def ask(client: httpx.AsyncClient, question: Question) -> Told:
    """Ask an API; nothing is told when it does not answer as it should."""
    headers = {b"X-API-Key": question.key.encode()} if question.key else None
    try:
        answer = await client.get(question.url, headers=headers)
    except httpx.HTTPError:
        return Told()
    if question.why_unready:
        return Told(problems=_detail("api", "NotReady", answer, starting=True))
    return told(answer)


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
