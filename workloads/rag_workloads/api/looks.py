"""What the API sees of the parts that it uses, wherever they run: it asks each of them again and again."""

import asyncio
from collections.abc import Awaitable

from rag_contract.stats import ComponentProblem, ProblemComponent
from rag_workloads.api.parts import Parts
from rag_workloads.api.serving import Serving
from rag_workloads.library.problems import problem_of

# Between two looks, and for how long one may last: a server elsewhere may be far.
PAUSE_SECONDS = 10
LOOK_SECONDS = 5
# What fails once is asked again before anybody hears of it.
TRIES, AGAIN_SECONDS = 2, 1

Asked = dict[ProblemComponent, ComponentProblem | None]


def checks(parts: Parts) -> dict[ProblemComponent, Awaitable[object]]:
    """What each part is asked, by its name; it raises what is wrong."""
    asked: dict[ProblemComponent, Awaitable[object]] = {
        "redis": parts.library.queue.depths(),
        "vector-store": parts.library.vectors.ready(),
        "embedding": parts.embedding.ready(),
    }
    return asked | ({"llm": parts.llm.ready()} if parts.llm else {})


class Looks:
    """How each part was at the last look; one that was not looked at yet is not there."""

    def __init__(self) -> None:
        self.asked: Asked = {}

    async def watch(self, serving: Serving) -> None:
        """Look for ever."""
        while True:
            self.asked = await _look(serving.parts)
            await asyncio.sleep(PAUSE_SECONDS)


async def _look(parts: Parts, tries: int = TRIES) -> Asked:
    """Ask all parts, and those that do not answer once more."""
    asked = checks(parts)
    found: Asked = dict(
        zip(asked, await asyncio.gather(*(_ask(name, check) for name, check in asked.items())), strict=True)
    )
    if tries == 1 or not any(found.values()):
        return found
    await asyncio.sleep(AGAIN_SECONDS)
    again = await _look(parts, tries - 1)
    return {name: again[name] if problem else None for name, problem in found.items()}


async def _ask(component: ProblemComponent, check: Awaitable[object]) -> ComponentProblem | None:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await check
    except TimeoutError:
        return ComponentProblem(
            component=component, reason="NoAnswer", message=f"no answer in {LOOK_SECONDS} s"
        )
    except Exception as error:
        return problem_of(component, error)
    return None
