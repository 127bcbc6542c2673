"""What the builders build from: the pipeline, the operator's settings, and what the cluster knows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag_operator import names
from rag_operator.connections import QueueConnection, VectorStoreConnection
from rag_operator.names import Component
from rag_operator.pipeline import RagPipeline, Spec
from rag_operator.settings import Settings
from rag_operator.spec.embedding import ManagedEmbedding
from rag_operator.spec.scaling import Autoscaling
from rag_operator.status import Indexes, IndexStatus


@dataclass(frozen=True)
class Site:
    """Everything that the manifests of one pipeline depend on."""

    pipeline: RagPipeline
    indexes: Indexes
    settings: Settings
    queue: QueueConnection
    vector_store: VectorStoreConnection
    user_secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Contents of the Secrets that the user refers to, by name and key."""
    keda: bool = True
    """Whether the cluster knows ScaledObjects."""
    monitoring: bool = False
    """Whether the cluster knows PodMonitors and PrometheusRules."""
    gateway_api: bool = False
    """Whether the cluster knows HTTPRoutes."""

    @property
    def spec(self) -> Spec:
        """The pipeline's spec."""
        return self.pipeline.spec

    @property
    def owner(self) -> str:
        """Whose data this is, in stores that other pipelines, and other clusters, may use too."""
        metadata = self.pipeline.metadata
        return f"{self.settings.cluster_id}/{metadata.namespace}/{metadata.name}"

    @property
    def llm_model_image(self) -> str | None:
        """The image with the language model's file; None when no image is known for the model."""
        managed = self.spec.llm.managed if self.spec.llm else None
        if not managed:
            return None
        return managed.model_image or self.settings.model_images.get(managed.model)

    @property
    def llm_image_known(self) -> bool:
        """Whether a managed language model has an image, or none is wanted."""
        return self.llm_model_image is not None or not (self.spec.llm and self.spec.llm.managed)

    def embedding_model_image(self, index: IndexStatus) -> str | None:
        """Return the image with an index' embedding model; None when the Hugging Face hub has its files."""
        return index.spec.model_image or self.settings.model_images.get(index.spec.embedding_model)

    def managed_embedding(self, index: IndexStatus) -> ManagedEmbedding:
        """Return how an index' embedding pods are run; those that feed a server elsewhere as by default.

        One that serves may be run here while the spec names a server for the next.
        """
        managed = None if index.spec.external else self.spec.embedding.managed or self.indexes.managed
        return managed or ManagedEmbedding()

    def autoscaling(self, index: IndexStatus) -> Autoscaling | None:
        """Return how KEDA scales an index' embedding pods; None when it does not own their number."""
        return self.managed_embedding(index).autoscaling if self.keda and not self.spec.suspend else None

    def image(self, component: Component) -> str:
        """Return the image of a component: the pipeline's choice, or the operator's."""
        with_ocr = component is Component.WORKER and self.spec.ingestion.ocr
        name = "worker_ocr" if with_ocr else component.value
        return str(getattr(self.spec.images, name, None) or getattr(self.settings, f"image_{name}"))

    def replicas(self, wanted: int) -> int:
        """Return how many pods there should be: none while the pipeline is suspended."""
        return 0 if self.spec.suspend else wanted

    def digest(self, secrets: set[str]) -> str:
        """Return a hash over the contents of Secrets; it changes when one of them does."""
        known = {
            **self.user_secrets,
            names.queue_secret(self.pipeline): self.queue.data(),
            names.vector_store_secret(self.pipeline): self.vector_store.data(),
        }
        return fingerprint({name: dict(known.get(name, {})) for name in sorted(secrets)})


def fingerprint(content: Mapping[str, Any]) -> str:
    """Return a hash that tells a content from all others."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
