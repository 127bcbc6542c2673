"""Trials: a pipeline in a namespace of its own, an operator behind a proxy of its own, and one fault."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Literal, NamedTuple
from uuid import uuid4

import httpx
import yaml

from rag_operator.names import NAMESPACE, PIPELINE
from rag_operator.transport import path_of
from tests.cluster.another_server import AnotherServer
from tests.cluster.faults.operators import Operator, context
from tests.cluster.faults.proxy import ApiProxy, Harm, Killing
from tests.cluster.faults.state import State, look
from tests.cluster.kube import NAME, Kube, Manifest, pipeline
from tests.patience import PATIENCE_SECONDS, until

Act = Literal["create", "update", "delete"]
Moment = Literal["before", "after"]
SPEC: Manifest = {"llm": {"managed": {"model": "HuggingFaceTB/SmolLM2-135M-Instruct"}}}
CHANGE: Manifest = {
    "llm": None,
    "api": {"replicas": 2},
    "worker": {"replicas": 3},
    "queue": {"managed": {"resources": {"limits": {"memory": "512Mi"}}}},
    "embedding": {"managed": {"resources": {"requests": {"cpu": "300m"}}}},
}
MERGE = {"Content-Type": "application/merge-patch+json"}
PAUSE_SECONDS = 0.2
# Of a namespace in which nothing comes any more.
STEADY_LOOKS = 10


class Outcome(NamedTuple):
    """How a trial ended: `fault` is what struck it, and `left` names what was still apart at its end."""

    kind: str
    fault: str
    seconds: float
    left: list[str]
    passwords_changed: bool

    @property
    def recovered(self) -> bool:
        """Whether it ended as an undisturbed run."""
        return not self.left and not self.passwords_changed


@dataclass
class Place:
    """A namespace with its pipeline, and the operator that serves it alone."""

    namespace: str
    client: httpx.AsyncClient
    proxy: ApiProxy
    operator: Operator
    kube: Kube
    closing: AsyncExitStack
    """What else is started for the trial."""
    server: AnotherServer | None = None
    """The API server of the operator alone, where it has one."""

    async def prepare(self, act: Act) -> None:
        """Start the operator; for what is done to a pipeline that is there, make it."""
        self.operator.start()
        if act != "create":
            await self.act("create")
            await self.settle("create")

    async def act(self, act: Act) -> None:
        """Do to the pipeline what its user does."""
        one = path_of(PIPELINE, self.namespace, NAME)
        if act == "create":
            answer = await self.client.post(path_of(PIPELINE, self.namespace), json=pipeline(**SPEC))
        elif act == "update":
            answer = await self.client.patch(one, json={"spec": CHANGE}, headers=MERGE)
        else:
            answer = await self.client.delete(one)
        answer.raise_for_status()

    async def look(self) -> State:
        """Return what the namespace holds."""
        return await look(self.client, self.namespace)

    async def readable(self) -> State | None:
        """Return what the namespace holds, once there is a password in it."""
        state = await self.look()
        return state if state.passwords else None

    async def reach(self, wanted: State) -> tuple[float, State]:
        """Wait until the namespace is as it should be; return the seconds, and what it holds at the end."""
        started = time.monotonic()
        while (state := await self.look()) != wanted and time.monotonic() - started < PATIENCE_SECONDS:
            await asyncio.sleep(PAUSE_SECONDS)
        return time.monotonic() - started, state

    async def settle(self, act: Act) -> State:
        """Wait until an act is done and nothing changes any more; return what there is."""
        state, looks = await self.look(), 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while looks < STEADY_LOOKS:
                await asyncio.sleep(PAUSE_SECONDS)
                before, state = state, await self.look()
                is_done = state.is_gone if act == "delete" else state.is_current
                looks = looks + 1 if before == state and is_done else 0
        return state


Step = Callable[[Place], Awaitable[None]]


class Trials:
    """Makes trials in an API server."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self._kubeconfig = kubeconfig
        told = yaml.safe_load(kubeconfig.read_text())
        cluster = told["clusters"][0]["cluster"]
        self._server, self._token = cluster["server"], told["users"][0]["user"]["token"]
        self._trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._folder = folder
        self._forking: ForkServerContext = context()
        self._wanted: dict[Act, State] = {}

    @asynccontextmanager
    async def place(self, **settings: object) -> AsyncIterator[Place]:
        """Make a namespace with an operator, which is not started yet."""
        namespace = f"fault-{uuid4().hex[:8]}"
        headers = {"Authorization": f"Bearer {self._token}"}
        async with (
            httpx.AsyncClient(
                base_url=self._server, headers=headers, verify=self._trust, timeout=60
            ) as client,
            ApiProxy(self._server, self._token, self._trust) as proxy,
            AsyncExitStack() as closing,
        ):
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            (await client.post(path_of(NAMESPACE), json=made)).raise_for_status()
            folder = self._folder / namespace
            operator = Operator(self._forking, folder, proxy.url, namespace, **settings)
            closing.push_async_callback(client.delete, path_of(NAMESPACE, name=namespace))
            closing.callback(operator.end)
            yield Place(namespace, client, proxy, operator, Kube(self._kubeconfig, namespace), closing)

    async def wanted(self, act: Act) -> State:
        """Return what an undisturbed run ends as."""
        if act not in self._wanted:
            async with self.place() as place:
                await place.prepare(act)
                await place.act(act)
                self._wanted[act] = await place.settle(act)
        return self._wanted[act]

    async def kill(self, act: Act, number: int, moment: Moment, *, heir: bool = False) -> Outcome | None:
        """Kill the operator at its nth write after an act; None if there is no nth write.

        What is deleted is deleted at that write of its creation, so that the rest of them comes too late.
        Then it is started again, or its heir, who waited for the lease, goes on in its place.
        """
        wanted = await self.wanted(act)
        async with self.place() as place:
            if heir:
                place.operator.tell(lease_namespace=place.namespace)
            await place.prepare("create" if act == "delete" else act)
            if heir:
                await self._start_heir(place)
            harm = Killing(len(place.proxy.writes) + number, moment, place.operator.kill)
            place.proxy.harm = harm
            done: Act = "create" if act == "delete" else act
            await place.act(done)
            if not await _first(harm.killed.wait(), place.settle(done)):
                return None
            before = await place.look()
            if act == "delete":
                await place.act("delete")
                wanted = before.remains()
            place.proxy.harm = Harm()
            if not heir:
                place.operator.start()
            seconds, state = await place.reach(wanted)
            fault = f"killed {moment} write {number}, {harm.killed_at}"
            kind = f"{act}, with an heir" if heir else act
            return _outcome(kind, fault, seconds, wanted, before, state)

    async def _start_heir(self, place: Place) -> None:
        """Start another operator once the first leads; return once it waits for its turn."""
        await _said(place.operator, "leading")
        heir = Operator(
            self._forking,
            self._folder / f"{place.namespace}-heir",
            place.proxy.url,
            place.namespace,
            lease_namespace=place.namespace,
        )
        place.closing.callback(heir.end)
        heir.start()
        await _said(heir, "waiting for the lease")

    async def harm(self, kind: str, fault: str, harm: Harm) -> Outcome:
        """Create a pipeline while requests are harmed all the time."""
        wanted = await self.wanted("create")
        async with self.place() as place:
            place.proxy.harm = harm
            place.operator.start()
            await place.act("create")
            readable = await until(place.readable)
            seconds, state = await place.reach(wanted)
            return _outcome(kind, fault, seconds, wanted, readable, state)

    async def disturb(self, kind: str, disturbance: Step, arrangement: Step | None = None) -> Outcome:
        """Do something to a pipeline that is as it should be; first arrange how its operator is to run."""
        wanted = await self.wanted("create")
        async with self.place() as place:
            if arrangement:
                await arrangement(place)
            await place.prepare("update")
            before = await place.look()
            await disturbance(place)
            seconds, state = await place.reach(wanted)
            return _outcome(kind, kind, seconds, wanted, before, state)


async def _said(operator: Operator, event: str) -> None:
    async def is_logged() -> bool:
        return f'"event": "{event}"' in operator.log()

    await until(is_logged)


async def _first(one: Awaitable[object], other: Awaitable[object]) -> bool:
    """Return whether the first of two came before the other."""
    tasks = [asyncio.ensure_future(each) for each in (one, other)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return tasks[0] in done


def _outcome(kind: str, fault: str, seconds: float, wanted: State, before: State, after: State) -> Outcome:
    changed = any(after.passwords.get(key, value) != value for key, value in before.passwords.items())
    return Outcome(kind, fault, round(seconds, 1), after.differences(wanted), changed)
