"""Shows what the pods of a pipeline say, by kubectl."""

import json
from asyncio.subprocess import PIPE

from rag_cli.errors import CliError, Exit
from rag_cli.kube import Kubectl
from rag_cli.resource import Pipeline

# kubectl follows five pods unless it is told to follow more.
MOST_PODS = 100


async def show_logs(
    kubectl: Kubectl, pipeline: Pipeline, component: str, tail: int, *, follow: bool, as_json: bool
) -> None:
    """Print the lines of all pods, or of those of a component, each with the pod that it is from."""
    labels = f"app.kubernetes.io/instance={pipeline.metadata.name}"
    if component:
        labels += f",app.kubernetes.io/component={component}"
    process = await kubectl.start(
        "logs",
        f"--namespace={pipeline.metadata.namespace}",
        f"--selector={labels}",
        "--all-containers",
        "--prefix",
        f"--tail={tail}",
        f"--max-log-requests={MOST_PODS}",
        *(["--follow"] if follow else []),
        output=PIPE if as_json else None,
    )
    try:
        if process.stdout:
            async for raw in process.stdout:
                source, _, line = raw.decode(errors="replace").rstrip("\n").partition(" ")
                print(json.dumps({"source": source.strip("[]"), "line": line}), flush=True)
        if await process.wait():
            raise CliError("kubectl could not show the logs.", Exit.UNREACHABLE)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
