"""Talks to a cluster the way a user does: kubectl, helm and port-forward."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from rag_cli.forwarding import forward

from .shell import CommandError, run


class Kube:
    """One cluster. `env` says where kubectl, helm and the kubeconfig are (PATH, KUBECONFIG)."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = dict(env)

    async def kubectl(
        self, *args: str, stdin: str | None = None, show: Callable[[str], None] | None = None
    ) -> str:
        """Runs kubectl and returns its standard output."""
        return await run("kubectl", *args, env=self.env, stdin=stdin, show=show)

    async def helm(self, *args: str, show: Callable[[str], None] | None = None) -> str:
        """Runs helm and returns its standard output."""
        return await run("helm", *args, env=self.env, show=show)

    async def get(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        """Returns an object, or None where there is none of that name (or no such kind)."""
        try:
            output = await self.kubectl(
                "get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found"
            )
        except CommandError as error:
            if "the server doesn't have a resource type" in str(error):
                return None
            raise
        return json.loads(output) if output.strip() else None

    async def list(self, kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """Returns the objects of a kind in a namespace, by label selector."""
        output = await self.kubectl("get", kind, "-n", namespace, "-l", selector, "-o", "json")
        items: list[dict[str, Any]] = json.loads(output)["items"]
        return items

    async def serves(self, group: str) -> bool:
        """Whether the cluster serves an API group, such as keda.sh."""
        versions = (await self.kubectl("api-versions")).splitlines()
        return any(version.startswith(f"{group}/") for version in versions)

    @asynccontextmanager
    async def forward(self, service: str, port: int, namespace: str) -> AsyncIterator[str]:
        """Forwards a free port of 127.0.0.1 to a Service while the body runs; yields its base URL."""
        async with forward(service, port, f"--namespace={namespace}", env=self.env) as url:
            yield url
