"""Finds a pipeline in a cluster and reaches it, by kubectl: so whatever lets kubectl in lets this in."""

import asyncio
import json
import re
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from rag_cli.errors import CliError, Exit
from rag_cli.options import Options
from rag_contract.endpoints import API_PORT
from rag_contract.stats import Reindex

# How long a pod of the API is waited for that starts.
POD_SECONDS = 10
FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")


class Resource(BaseModel):
    """A part of a resource, with names as Kubernetes has them."""

    model_config = ConfigDict(alias_generator=to_camel)


class Condition(Resource):
    """One aspect of a pipeline's state."""

    type: str
    status: str
    reason: str
    message: str


class Component(Resource):
    """The pods of one component: `ready` is such as 1/2."""

    ready: str


class Collection(Resource):
    """Where questions are answered from."""

    name: str


class Queue(Resource):
    """Documents and batches that wait or are worked on."""

    depth: int


class PipelineStatus(Resource):
    """What the operator says of a pipeline; nothing before it has seen it."""

    url: str | None = None
    embedding_model: str | None = None
    collection: Collection | None = None
    documents: int | None = None
    queue: Queue | None = None
    reindex: Reindex | None = None
    components: dict[str, Component] = {}
    conditions: list[Condition] = []


class Metadata(Resource):
    """Which pipeline it is."""

    name: str
    namespace: str


class Pipeline(Resource):
    """A RagPipeline."""

    metadata: Metadata
    status: PipelineStatus = PipelineStatus()

    @property
    def ready(self) -> Condition:
        """The condition that sums up the others."""
        return self.condition("Ready")

    def condition(self, type: str) -> Condition:
        """Return a condition; one that is unknown before the operator has seen the pipeline."""
        unseen = Condition(
            type=type, status="Unknown", reason="NotSeen", message="the operator has not seen it yet"
        )
        return next((each for each in self.status.conditions if each.type == type), unseen)


class Kubectl:
    """kubectl with the user's kubeconfig, context and namespace."""

    def __init__(self, options: Options) -> None:
        given = {
            "--kubeconfig": options.kubeconfig,
            "--context": options.context,
            "--namespace": options.namespace,
        }
        self._flags = [f"{flag}={value}" for flag, value in given.items() if value]

    async def start(
        self, *arguments: str, output: int | None = None, errors: int | None = None
    ) -> asyncio.subprocess.Process:
        """Start kubectl."""
        try:
            return await asyncio.create_subprocess_exec(
                "kubectl", *self._flags, *arguments, stdout=output, stderr=errors
            )
        except FileNotFoundError:
            message = "kubectl is not on the PATH: install it, or name an API with --url."
            raise CliError(message, Exit.UNREACHABLE) from None

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
    async def forward(self, pipeline: Pipeline) -> AsyncIterator[str]:
        """Forward a free port of 127.0.0.1 to the API of a pipeline; yield its URL."""
        service = urlsplit(pipeline.status.url or "").netloc.partition(".")[0]
        if not service:
            raise CliError(
                f"{pipeline.metadata.name} has no API: {pipeline.ready.message}.", Exit.UNREACHABLE
            )
        namespace = f"--namespace={pipeline.metadata.namespace}"
        target = (namespace, f"service/{service}", f":{API_PORT}", f"--pod-running-timeout={POD_SECONDS}s")
        process = await self.start("port-forward", *target, output=PIPE, errors=STDOUT)
        assert process.stdout
        try:
            said = b""
            while not (found := FORWARDING.search(said)):
                line = await process.stdout.readline()
                if not line:
                    failure = _failure(said.decode())
                    raise CliError(
                        f"{failure}; the API: {pipeline.condition('ApiReady').message}.", failure.exit
                    )
                said += line
            # An unread pipe would stop kubectl when it is full.
            draining = asyncio.create_task(_drain(process.stdout))
            yield f"http://127.0.0.1:{int(found[1])}"
            draining.cancel()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def _get(self, *what: str) -> dict[str, Any]:
        process = await self.start("get", *what, "--output=json", output=PIPE, errors=PIPE)
        output, errors = await process.communicate()
        if process.returncode:
            raise _failure(errors.decode())
        found: dict[str, Any] = json.loads(output)
        return found


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(1024):
        pass


def _failure(said: str) -> CliError:
    """Return what kubectl says of its failure, in its last line, with what to do about it."""
    said = said.strip().rpartition("\n")[2]
    if "doesn't have a resource type" in said:
        return CliError("This cluster has no RagPipelines: its operator is not installed.", Exit.UNREACHABLE)
    if "(NotFound)" in said:
        return CliError(f"{said}; `kubectl get ragpipelines -A` shows all.", Exit.UNREACHABLE)
    refused = "(Forbidden)" in said or "(Unauthorized)" in said or "must be logged in" in said
    return CliError(said or "kubectl ended without a word.", Exit.REFUSED if refused else Exit.UNREACHABLE)
