"""What was seen of a pipeline in the cluster, as the conditions read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rag_contract.stats import ComponentProblem, ProblemComponent, Stats
from rag_operator import names
from rag_operator.names import (
    COMPONENT,
    DEPLOYMENT,
    KEDA_KINDS,
    PARTS_OF_AN_INDEX,
    STATEFUL_SET,
    Component,
    Manifest,
)
from rag_operator.pipeline import RagPipeline, Spec
from rag_operator.pod_status import Problem, problem_of
from rag_operator.resolution import Unresolved
from rag_operator.status import Indexes, ReindexStatus


@dataclass(frozen=True)
class Observed:
    """The objects of one pipeline in the cluster."""

    children: Sequence[Manifest] = ()
    pods: Sequence[Manifest] = ()
    keda: bool = True
    """Whether the cluster knows ScaledObjects."""
    monitoring: bool = False
    """Whether the cluster knows PodMonitors and PrometheusRules."""
    gateway_api: bool = False
    """Whether the cluster knows HTTPRoutes."""
    gateway: Manifest | None = None
    """The Gateway that the pipeline is to be reached by; None if it has none, or none can be read."""

    def child(self, kind: str, name: str) -> Manifest | None:
        """Return a child by kind and name."""
        matches = (each for each in self.children if (each["kind"], each["metadata"]["name"]) == (kind, name))
        return next(matches, None)

    def workload(self, name: str) -> "Workload | None":
        """Return a Deployment or StatefulSet."""
        child = self.child(DEPLOYMENT.kind, name) or self.child(STATEFUL_SET.kind, name)
        return Workload(child) if child else None


APPLY_FAILED = "ApplyFailed"


class Failure(NamedTuple):
    """What could not be made or changed: kind and component of a child, and why."""

    kind: str
    component: str
    message: str
    reason: str = APPLY_FAILED


@dataclass(frozen=True)
class Evidence:
    """One pipeline and what is known of it once the plan was carried out."""

    pipeline: RagPipeline
    indexes: Indexes
    observed: Observed = Observed()
    unresolved: Unresolved | None = None
    llm_image_known: bool = True
    failures: Sequence[Failure] = ()
    stats: Stats | None = None
    """What the pipeline's API counts; None while it does not answer."""
    problems: Sequence[ComponentProblem] = ()
    """What the pipeline's own processes say that keeps them from their work."""

    @property
    def spec(self) -> Spec:
        """The pipeline's spec."""
        return self.pipeline.spec

    @property
    def reindex(self) -> ReindexStatus | None:
        """How far the next index is, as was told last; None where there is none, or nothing was told."""
        following, known = self.indexes.next, self.pipeline.status.reindex
        if self.stats:
            told = self.stats.reindex
            known = ReindexStatus.model_validate(told.model_dump()) if told else None
        # What is told may still be about an index that was to be the next before this one.
        return known if following and known and known.target == following.spec.collection else None

    @property
    def aside(self) -> set[Component]:
        """The components of indexes that do not serve."""
        others = [each for each in self.indexes.running if each != self.indexes.serving]
        return {part.of(index) for index in others for part in PARTS_OF_AN_INDEX}

    def child(self, kind: str, component: Component) -> Manifest | None:
        """Return the child of a kind that bears the component's own name."""
        return self.observed.child(kind, names.child_name(self.pipeline, component))

    def workload(self, component: Component) -> "Workload | None":
        """Return the Deployment or StatefulSet of a component."""
        return self.observed.workload(names.child_name(self.pipeline, component))

    def refused(self, component: Component, *, scaler: bool = False) -> Failure | None:
        """Return why the first child of a component failed; its scaler is asked for by itself."""
        scaling = {kind.kind for kind in KEDA_KINDS}
        matches = (
            failure
            for failure in self.failures
            if failure.component == component and (failure.kind in scaling) == scaler
        )
        return next(matches, None)

    def told(self, *components: ProblemComponent) -> ComponentProblem | None:
        """Return the first problem that the pipeline's processes tell of these components."""
        return next((problem for problem in self.problems if problem.component in components), None)

    def pod_problem(self, component: Component) -> Problem | None:
        """Return what keeps the first pod of a component that cannot serve from it."""
        for pod in self.observed.pods:
            if pod["metadata"].get("labels", {}).get(COMPONENT) == component and (found := problem_of(pod)):
                return Problem(found.reason, f"pod {pod['metadata']['name']}: {found.message}")
        return None


@dataclass(frozen=True)
class Workload:
    """A Deployment or StatefulSet, as far as conditions care."""

    manifest: Manifest

    @property
    def wanted(self) -> int:
        """Pods that there should be."""
        return int(self.manifest["spec"].get("replicas", 1))

    @property
    def ready(self) -> int:
        """Pods that are ready."""
        return int(self.manifest.get("status", {}).get("readyReplicas", 0))

    @property
    def image(self) -> str:
        """Image of the main container."""
        return str(self.manifest["spec"]["template"]["spec"]["containers"][0]["image"])

    @property
    def outdated(self) -> int:
        """Pods that a rollout has yet to replace."""
        status = self.manifest.get("status", {})
        return max(0, int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0)))

    @property
    def problem(self) -> Problem | None:
        """What the Deployment says keeps new pods away; None if nothing does."""
        conditions = self.manifest.get("status", {}).get("conditions", [])
        states = {(each["type"], each["status"]): each for each in conditions}
        if refused := states.get(("ReplicaFailure", "True")):  # by a quota or an admission policy
            return Problem(refused.get("reason", "ReplicaFailure"), refused.get("message", ""))
        if stuck := states.get(("Progressing", "False")):
            return Problem("RolloutStuck", stuck.get("message", ""))
        return None
