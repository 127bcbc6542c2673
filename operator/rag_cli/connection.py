"""Opens the API that the options mean: at a URL, or behind a port of a cluster's pipeline."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rag_cli.client import Client
from rag_cli.kube import Kubectl
from rag_cli.options import Options
from rag_cli.resource import Pipeline


@asynccontextmanager
async def connected(options: Options, pipeline: Pipeline | None = None) -> AsyncIterator[Client]:
    """Open the API while the body runs: of a pipeline that was looked up, or of the one that is meant."""
    if options.url:
        async with Client(options.url, options.api_key) as client:
            yield client
        return
    kubectl = Kubectl(options)
    pipeline = pipeline or await kubectl.pipeline(options.pipeline)
    async with kubectl.api(pipeline) as url, Client(url, options.api_key) as client:
        yield client
