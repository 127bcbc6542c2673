"""What an operator that is started anew asks of the API server: by numbers of requests, not by time."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from rag_operator.names import PIPELINE
from rag_operator.transport import path_of
from tests.cluster.faults.proxy import Asked, Harm
from tests.cluster.faults.rights import Right, needed
from tests.cluster.faults.trials import Trials
from tests.cluster.kube import Kube, pipeline
from tests.patience import PATIENCE_SECONDS, until

# Nothing is looked at again while requests are counted.
NEVER = 3600
FEW, MANY = 2, 7
# Their volumes never come, so that Events are asked for; their amounts are spelt otherwise by the API server.
SPEC = {"api": {"resources": {"requests": {"cpu": "0.5", "memory": "1.0001Gi"}}}}
# Of each pipeline: the Secrets with the passwords of Redis and Qdrant.
READ_BY_NAME = 2
# Of all pipelines together: the Events about claims, and about StatefulSets whose pods are not made yet.
EVENTS, KINDS_WITH_EVENTS = Right("list", "", "events"), 2


@dataclass
class Counting(Harm):
    """Does no harm, and counts requests, but for watches, by the rights that they need."""

    asked: Counter[Right | None] = field(default_factory=Counter)

    async def before(self, asked: Asked) -> web.Response | None:
        if not asked.is_watch:
            self.asked[needed(asked)] += 1
        return None

    @property
    def wrote(self) -> bool:
        """Whether anything was written."""
        return any(right.verb not in {"get", "list"} for right in self.asked if right)


def test_each_pipeline_costs_two_requests_when_the_operator_starts_anew(alone: Kube, tmp_path: Path) -> None:
    trials = Trials(alone.kubeconfig, tmp_path)

    async def both() -> tuple[Counter[Right | None], Counter[Right | None]]:
        return await of_a_start(trials, FEW), await of_a_start(trials, MANY)

    few, many = asyncio.run(both())
    assert max(few.pop(EVENTS, 0), many.pop(EVENTS)) <= KINDS_WITH_EVENTS
    assert few - many == {}
    assert many - few == {Right("get", "", "secrets"): READ_BY_NAME * (MANY - FEW)}


async def of_a_start(trials: Trials, pipelines: int) -> Counter[Right | None]:
    """Return what an operator asks that starts anew and finds so many pipelines as they should be."""
    async with trials.place(resync_seconds=NEVER, secret_seconds=NEVER) as place:
        for number in range(pipelines):
            made = pipeline(f"demo-{number}", **SPEC)
            (await place.client.post(path_of(PIPELINE, place.namespace), json=made)).raise_for_status()
        started = time.monotonic()
        while time.monotonic() - started < PATIENCE_SECONDS:
            counting = place.proxy.harm = Counting()
            place.operator.start()
            await until(lambda: place.operator.is_idle(pipelines))
            place.operator.kill()
            if not counting.wrote:
                return counting.asked
        raise AssertionError(f"each start writes: {place.proxy.writes[-1]}")
