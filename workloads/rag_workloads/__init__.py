"""The data plane of a RagPipeline: one package per Deployment, all on top of `core`."""
