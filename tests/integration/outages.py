"""A gate for tests that run jobs themselves."""

from rag_contract.stats import ProblemComponent
from rag_workloads.library.gate import Gate
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.problems import Problems


class Outages(Gate):
    """A gate that keeps what it was told, and stops nobody."""

    def __init__(self, library: Library) -> None:
        super().__init__({}, Problems(library.queue.redis, library.queue.pipeline))
        self.told: list[tuple[ProblemComponent, str]] = []

    def away(self, component: ProblemComponent, error: Exception) -> None:
        self.told.append((component, str(error)))
