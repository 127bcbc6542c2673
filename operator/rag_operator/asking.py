"""Asks the pipelines' APIs for their counts, in a round of its own: one that is slow holds up no pass."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import count

import httpx

from rag_contract.limits import PROBE_SECONDS
from rag_operator.evidence import Observed
from rag_operator.keys import Key
from rag_operator.pipeline import RagPipeline
from rag_operator.stats import Question, Told, ask, question_for
from rag_operator.user_secrets import Contents

AT_ONCE = 8
# However many pipelines there are, the operator spends the same part of a core on it.
ASKED_PER_SECOND = 8.0
# Answers that fail to come, one after the other, until what was told before is no longer believed.
MISSES = 2


class Asker:
    """Asks each API that passes have found, every some seconds, and keeps the last answer."""

    def __init__(self, seconds: float, changed: Callable[[Key], None]) -> None:
        self._seconds = seconds
        self._changed = changed
        self._questions: dict[Key, Question] = {}
        self._answers: dict[Key, Told] = {}
        self._missed = Counter[Key]()
        # An answer is believed only if nothing was renewed since it was asked for.
        self._renewals = count()
        self._renewed: dict[Key, int] = {}
        self._due: asyncio.Queue[Key] = asyncio.Queue()
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def told(self, pipeline: RagPipeline, observed: Observed, user_secrets: Contents) -> Told:
        """Return what a pipeline's API told last, and have it asked from now on."""
        key = Key(pipeline.metadata.namespace, pipeline.metadata.name)
        question = question_for(pipeline, observed, user_secrets)
        if question is None:
            self.forget(key)
            return Told()
        known = self._questions.get(key)
        self._questions[key] = question
        if known is None or known.url != question.url:
            self.renew(key)
        return self._answers.get(key, Told(pending=True))

    def renew(self, key: Key) -> None:
        """Believe nothing that an API was asked until now: it may not be so any more. Ask it at once."""
        if key in self._questions:
            self._answers.pop(key, None)
            self._renewed[key] = next(self._renewals)
            self._due.put_nowait(key)

    def forget(self, key: Key) -> None:
        """Ask no more for a pipeline."""
        self._questions.pop(key, None)
        self._renewed.pop(key, None)
        self._answers.pop(key, None)
        self._missed.pop(key, None)
        if timer := self._timers.pop(key, None):
            timer.cancel()

    async def run(self) -> None:
        """Ask until cancelled."""
        async with (
            httpx.AsyncClient(timeout=PROBE_SECONDS, trust_env=False) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(AT_ONCE):
                tasks.create_task(self._ask_on(client))

    async def _ask_on(self, client: httpx.AsyncClient) -> None:
        while True:
            key = await self._due.get()
            if question := self._questions.get(key):
                renewed = self._renewed[key]
                answer = await ask(client, question)
                if renewed == self._renewed.get(key):
                    self._take(key, answer)

    def _take(self, key: Key, answer: Told) -> None:
        self._missed[key] = self._missed[key] + 1 if answer == Told() else 0
        if self._missed[key] in {0, MISSES} and answer != self._answers.get(key):
            self._answers[key] = answer
            self._changed(key)
        pause = max(self._seconds, len(self._questions) / ASKED_PER_SECOND)
        if timer := self._timers.pop(key, None):
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(pause, self._due.put_nowait, key)
