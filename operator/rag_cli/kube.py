"""Finds a pipeline in a cluster and reaches it, by kubectl: so whatever lets kubectl in lets this in."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rag_cli.errors import CliError, Exit
from rag_cli.forwarding import failure, forward, kubectl
from rag_cli.options import Options
from rag_cli.resource import Pipeline
from rag_contract.endpoints import API_PORT


class Kubectl:
    """kubectl with the user's kubeconfig, context and namespace."""

    def __init__(self, options: Options) -> None:
        given = {
            "--kubeconfig": options.kubeconfig,
            "--context": options.context,
            "--namespace": options.namespace,
        }
        self._flags = [f"{flag}={value}" for flag, value in given.items() if value]

    async def start(self, *arguments: str, output: int | None = None) -> asyncio.subprocess.Process:
        """Start kubectl; what it says of errors is for the user."""
        return await kubectl(*self._flags, *arguments, output=output)

    async def pipeline(self, name: str = "") -> Pipeline:
        """Return a pipeline: the one of that name, or the only one of the namespace."""
        if name:
            return Pipeline.model_validate(await self._get("ragpipeline", name))
        found = [Pipeline.model_validate(each) for each in (await self._get("ragpipelines"))["items"]]
        if not found:
            message = "There is no RagPipeline in this namespace; `kubectl get ragpipelines -A` shows all."
            raise CliError(message, Exit.UNREACHABLE)
        if len(found) > 1:
            names = ", ".join(each.metadata.name for each in found)
            raise CliError(f"There are several RagPipelines: {names}. Name one with --pipeline.", Exit.USAGE)
        return found[0]

    @asynccontextmanager
    async def api(self, pipeline: Pipeline) -> AsyncIterator[str]:
        """Forward a port to the API of a pipeline while the body runs; yield its URL."""
        if not pipeline.status.url:
            message = f"{pipeline.metadata.name} has no API: {pipeline.ready.message}."
            raise CliError(message, Exit.UNREACHABLE)
        flags = (*self._flags, f"--namespace={pipeline.metadata.namespace}")
        hint = f"; the API: {pipeline.condition('ApiReady').message}."
        async with forward(f"{pipeline.metadata.name}-api", API_PORT, *flags, hint=hint) as url:
            yield url

    async def _get(self, *what: str) -> dict[str, Any]:
        process = await kubectl(*self._flags, "get", *what, "--output=json", output=PIPE, errors=PIPE)
        output, errors = await process.communicate()
        if process.returncode:
            raise failure(errors.decode())
        found: dict[str, Any] = json.loads(output)
        return found
