"""Looks straight into a pipeline's Redis, past the API."""

import base64
from dataclasses import dataclass

from demo.pipeline import Pipeline


@dataclass(frozen=True)
class Redis:
    """The managed Redis of a pipeline, asked by redis-cli in its own pod."""

    pipeline: Pipeline
    password: str

    @property
    def embed_queue(self) -> str:
        """The key of the queue that KEDA counts."""
        return f"{self.pipeline.namespace}.{self.pipeline.name}:embed"

    async def cli(self, *command: str) -> list[str]:
        """Returns the lines of an answer."""
        where = ("-n", self.pipeline.namespace, f"{self.pipeline.name}-redis-0")
        cli = ("env", f"REDISCLI_AUTH={self.password}", "redis-cli", *command)
        return (await self.pipeline.kube.kubectl("exec", *where, "--", *cli)).split()

    async def leases(self) -> set[str]:
        """Returns the jobs of the embed queue that a pod has taken: it holds them, or died with them."""
        return set(await self.cli("ZRANGEBYSCORE", self.embed_queue, "(0", "+inf"))


async def redis_of(pipeline: Pipeline) -> Redis:
    """Finds the password that the operator made."""
    secret = await pipeline.kube.get("secret", f"{pipeline.name}-queue", pipeline.namespace)
    assert secret
    return Redis(pipeline, base64.b64decode(secret["data"]["password"]).decode())
