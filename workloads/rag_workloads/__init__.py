"""The data plane of a RagPipeline: one package per Deployment over library, clients, web and jobs."""
