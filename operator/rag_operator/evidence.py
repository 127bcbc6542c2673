"""What was seen of a pipeline in the cluster, as the conditions read it."""

from collections.abc import Mapping, Sequence
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
    TEMPLATE_HASH,
    Component,
    Manifest,
)
from rag_operator.pipeline import RagPipeline, Spec
from rag_operator.pod_status import Problem, problem_of
from rag_operator.recorded import what_failed
from rag_operator.resolution import Unresolved
from rag_operator.status import Condition, Indexes, ReindexStatus


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

    @property
    def workloads(self) -> "list[Workload]":
        """All Deployments and StatefulSets."""
        return [Workload(each) for each in self.children if each["kind"] in _WORKLOADS]


_WORKLOADS = {DEPLOYMENT.kind, STATEFUL_SET.kind}
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
    unbuilt: str = ""
    """Why no children can be made from the spec; "" if they can."""
    llm_image_known: bool = True
    failures: Sequence[Failure] = ()
    stats: Stats | None = None
    """What the pipeline's API counts; None while it does not answer."""
    problems: Sequence[ComponentProblem] = ()
    """What the pipeline's own processes say that keeps them from their work."""
    pending: bool = False
    """Whether the API could not have told anything yet, as after a start of the operator."""
    records: Sequence[Manifest] = ()
    """The Events about children of which nothing else says what keeps them."""

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
        """Return the first problem that the pipeline's processes tell of these components.

        One that all have comes before one that keeps a pod from its start.
        """
        found = (problem for problem in self.problems if problem.component in components)
        return min(found, key=lambda problem: problem.starting, default=None)

    @property
    def asked(self) -> Mapping[ProblemComponent, ComponentProblem | None]:
        """The parts that the API has asked how they are, with what is wrong; Redis, when it told counts."""
        return {**self.stats.asked, "redis": None} if self.stats else {}

    def before(self, condition: str) -> Condition | None:
        """Return what the pipeline's status said of a condition until now."""
        known = self.pipeline.status.conditions or ()
        return next((each for each in known if each.type == condition), None)

    def problem(self, component: Component, workload: "Workload") -> Problem | None:
        """Return what keeps pods of a component from serving, or from being made; the nearest cause."""
        return (
            self._pod_problem(component, workload)
            or workload.problem
            or (what_failed(workload.manifest, self.records) if workload.missing else None)
        )

    def _pod_problem(self, component: Component, workload: "Workload") -> Problem | None:
        """Return what keeps the first pod that cannot serve from it, of those of the present template.

        What becomes of the others says nothing: they are on their way out.
        """
        for pod in self.observed.pods:
            metadata = pod["metadata"]
            is_present = _template_hash(metadata) == _template_hash(workload.template["metadata"])
            of_component = metadata.get("labels", {}).get(COMPONENT) == component
            if is_present and of_component and (found := problem_of(pod)):
                return Problem(found.reason, f"pod {metadata['name']}: {found.message}")
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
    def component(self) -> str:
        """The component whose pods these are."""
        return str(self.manifest["metadata"].get("labels", {}).get(COMPONENT, ""))

    @property
    def image(self) -> str:
        """Image of the main container."""
        return str(self.template["spec"]["containers"][0]["image"])

    @property
    def template(self) -> Manifest:
        """What its pods are made from."""
        found: Manifest = self.manifest["spec"]["template"]
        return found

    @property
    def claims(self) -> list[str]:
        """The names of the claims that its pods mount."""
        sources = (each.get("persistentVolumeClaim") for each in self.template["spec"].get("volumes", []))
        return [source["claimName"] for source in sources if source]

    @property
    def missing(self) -> bool:
        """Whether pods that there should be were not even made."""
        return int(self.manifest.get("status", {}).get("replicas", 0)) < self.wanted

    @property
    def outdated(self) -> int:
        """Pods that a rollout has yet to replace: all, while its controller has not seen that it is to begin.

        It has not seen a change of their number either, while they are not as many as there should be.
        """
        status = self.manifest.get("status", {})
        pods, seen = int(status.get("replicas", 0)), int(status.get("observedGeneration", 0))
        if seen < int(self.manifest["metadata"].get("generation", 0)) and pods == self.wanted:
            return pods
        return max(0, pods - int(status.get("updatedReplicas", 0)))

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


def _template_hash(metadata: Manifest) -> str | None:
    found: str | None = metadata.get("annotations", {}).get(TEMPLATE_HASH)
    return found
