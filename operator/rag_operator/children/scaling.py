"""KEDA's view of the embedding pods: how many batches are in their queue."""

from rag_contract.names import embed_queue
from rag_operator import names
from rag_operator.children.objects import component_child
from rag_operator.children.site import Site
from rag_operator.names import DEPLOYMENT, Component, Manifest
from rag_operator.spec.scaling import Autoscaling
from rag_operator.status import IndexStatus

# KEDA asks Redis this many times before it falls back to the pods that are there.
FAILURES_BEFORE_FALLBACK = 3
INITIAL_COOLDOWN_SECONDS = 120
TRIGGER_PARAMETERS = ("address", "username", "password", "tls")


def manifests(site: Site, index: IndexStatus) -> list[Manifest]:
    """Return the scaler of an index and its credentials; none when KEDA does not own the number of pods."""
    autoscaling = site.autoscaling(index)
    if autoscaling is None:
        return []
    return [_trigger_authentication(site, index), _scaled_object(site, index, autoscaling)]


def _trigger_authentication(site: Site, index: IndexStatus) -> Manifest:
    secret = names.queue_secret(site.pipeline)
    targets = [{"parameter": name, "name": secret, "key": name} for name in TRIGGER_PARAMETERS]
    spec = {"secretTargetRef": targets}
    return component_child(site, "TriggerAuthentication", Component.EMBEDDING.of(index), {"spec": spec})


def _scaled_object(site: Site, index: IndexStatus, autoscaling: Autoscaling) -> Manifest:
    component = Component.EMBEDDING.of(index)
    target = names.child_name(site.pipeline, component)
    spec = {
        "scaleTargetRef": {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": target},
        "minReplicaCount": autoscaling.min_replicas,
        "maxReplicaCount": autoscaling.max_replicas,
        "pollingInterval": autoscaling.polling_interval_seconds,
        "cooldownPeriod": autoscaling.cooldown_seconds,
        "initialCooldownPeriod": INITIAL_COOLDOWN_SECONDS,
        "fallback": {
            "failureThreshold": FAILURES_BEFORE_FALLBACK,
            "replicas": autoscaling.min_replicas,
            "behavior": "currentReplicasIfHigher",
        },
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(autoscaling)}},
        "triggers": [
            {
                "type": "redis",
                "metadata": {
                    "listName": embed_queue(index.id),
                    "listLength": str(autoscaling.target_queue_length),
                    "activationListLength": str(autoscaling.activation_queue_length),
                    "databaseIndex": str(site.queue.database),
                },
                "authenticationRef": {"name": target},
            }
        ],
    }
    return component_child(site, "ScaledObject", component, {"spec": spec})


def _behavior(autoscaling: Autoscaling) -> Manifest:
    up, down = autoscaling.scale_up, autoscaling.scale_down
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": up.stabilization_window_seconds,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": up.percent, "periodSeconds": up.period_seconds},
                {"type": "Pods", "value": up.pods, "periodSeconds": up.period_seconds},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": down.stabilization_window_seconds,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": down.pods, "periodSeconds": down.period_seconds}],
        },
    }
