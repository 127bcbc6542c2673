"""How the number of embedding pods follows their queue."""

from pydantic import Field

from rag_operator.fields import Part
from rag_operator.rules import Rule, rules


class ScaleUp(Part):
    """How fast embedding pods are added: the larger of percent and pods in each period."""

    stabilization_window_seconds: int = Field(
        default=0, ge=0, le=3600, description="Time over which the lowest wish counts before pods are added."
    )
    percent: int = Field(default=100, ge=1, le=1000, description="Percent of the pods added in a period.")
    pods: int = Field(default=2, ge=1, le=100, description="Pods added in a period.")
    period_seconds: int = Field(default=15, ge=1, le=1800, description="Length of a period.")


class ScaleDown(Part):
    """How fast embedding pods are taken away."""

    stabilization_window_seconds: int = Field(
        default=180, ge=0, le=3600, description="Time over which the highest wish counts before pods leave."
    )
    pods: int = Field(default=1, ge=1, le=100, description="Pods taken away in a period.")
    period_seconds: int = Field(default=60, ge=1, le=1800, description="Length of a period.")


class Autoscaling(Part):
    """Scaling of the embedding pods on the depth of their queue, by KEDA."""

    model_config = rules(
        Rule("self.minReplicas <= self.maxReplicas", "minReplicas must not exceed maxReplicas"),
    )

    min_replicas: int = Field(default=1, ge=1, le=100, description="Fewest embedding pods.")
    max_replicas: int = Field(ge=1, le=100, description="Most embedding pods.")
    target_queue_length: int = Field(
        default=20, ge=1, le=100_000, description="Batches, waiting and running, for each embedding pod."
    )
    activation_queue_length: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Batches above which KEDA starts the first pod. No effect: minReplicas is at least 1.",
    )
    polling_interval_seconds: int = Field(
        default=15, ge=5, le=300, description="Time between two looks at the queue."
    )
    cooldown_seconds: int = Field(
        default=300,
        ge=0,
        le=86_400,
        description="Quiet time after which KEDA ends the last pod. No effect: minReplicas is at least 1.",
    )
    scale_up: ScaleUp = Field(default=ScaleUp(), description="How fast pods are added.")
    scale_down: ScaleDown = Field(default=ScaleDown(), description="How fast pods are taken away.")
