"""A Kubernetes operator that turns one RagPipeline into a running, observed, autoscaled RAG service."""
