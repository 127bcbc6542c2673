"""Settings of the operator, read from environment variables that start with RAG_OPERATOR_."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the operator is told by its own Deployment."""

    model_config = SettingsConfigDict(env_prefix="RAG_OPERATOR_", frozen=True, protected_namespaces=())

    image_api: str = "ragpipeline-api:0.1.0"
    image_worker: str = "ragpipeline-worker:0.1.0"
    image_worker_ocr: str = "ragpipeline-worker-ocr:0.1.0"
    image_embedding: str = "ragpipeline-embedding:0.1.0"
    image_llm: str = "ragpipeline-llm:0.1.0"
    image_redis: str = "redis:7.2-bookworm"
    image_qdrant: str = "qdrant/qdrant:v1.16.3"
    image_llama_server: str = "ghcr.io/ggml-org/llama.cpp:server"
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    model_images: dict[str, str] = Field(
        default={
            "sentence-transformers/all-MiniLM-L6-v2": "ragpipeline-model-minilm:0.1.0",
            "intfloat/multilingual-e5-small": "ragpipeline-model-e5small:0.1.0",
            "HuggingFaceTB/SmolLM2-135M-Instruct": "ragpipeline-model-smollm2:0.1.0",
        },
        description="Images with a model's files in /models, by the model's name, as JSON.",
    )
    cluster_id: str = Field(
        default="",
        pattern=r"^[-._A-Za-z0-9]*$",
        description="Name of the cluster in the owner of what a pipeline keeps in stores that run elsewhere;"
        " empty for the UID of the namespace kube-system.",
    )
    keda_namespace: str = Field(
        default="keda", description="Namespace of KEDA's operator, which may read the queues."
    )
    scraper_namespace: str = Field(
        default="",
        description="Namespace whose pods may reach the port of every component that serves metrics there;"
        " empty for none.",
    )
    ingress_namespace: str = Field(
        default="",
        description="Namespace of what serves Ingresses or Gateways, whose pods may reach the embedding pods"
        " of a pipeline that is exposed; empty for the pods of all namespaces.",
    )
    monitoring_labels: dict[str, str] = Field(
        default={}, description="Labels of PodMonitors and PrometheusRules, by which a Prometheus finds them."
    )
    runbook_url: str = Field(
        default="", description="URL of the runbook, which every alert names a section of; empty for none."
    )
    watch_namespaces: list[str] = Field(
        default=[], description="The namespaces to serve, as JSON; empty for all."
    )
    lease_namespace: str = Field(
        default="",
        description="Namespace of the Lease whose holder alone writes; empty if there is but one operator.",
    )
    lease_name: str = Field(default="ragpipeline-operator", description="Name of the Lease.")
    resync_seconds: float = Field(
        default=15,
        gt=0,
        description="Until a pipeline that is not as it should be is looked at again, its API is asked for"
        " its counts again, and the cluster for the kinds of others.",
    )
    secret_seconds: float = Field(
        default=60,
        gt=0,
        description="Until the Secrets that pipelines refer to are read again; longer where there are many.",
    )
    concurrency: int = Field(default=8, ge=1, description="Pipelines reconciled at the same time.")
    metrics_port: int = 9090
    liveness_port: int = 8080
    log_level: Literal["debug", "info", "warning", "error"] = "info"
