"""A vector store for one node: what a pipeline uses of Qdrant's REST API, over Qdrant's own engine."""
