"""Which operator may write: the one that holds a Lease, for as long as it can be sure of it.

The clocks of machines differ, so nobody compares its time with another's: a Lease has expired when it did not
change for its duration while one looked on.
"""

import asyncio
import os
import time
from datetime import UTC, datetime
from uuid import uuid4

import structlog
from aiohttp import ClientError

from rag_operator.names import LEASE, Manifest
from rag_operator.transport import ClusterError, Transport, path_of

LEASE_SECONDS = 15
# The holder stops to write so long before another may start, for what is on its way.
SURE_SECONDS = 10
RENEW_SECONDS = 5
log = structlog.get_logger()


class NotLeading(Exception):
    """This operator may not write: another may have taken over."""


class Lease:
    """One candidate for a Lease."""

    def __init__(self, transport: Transport, namespace: str, name: str) -> None:
        self._transport = transport
        self._namespace, self._name = namespace, name
        self.identity = f"{os.uname().nodename}_{uuid4()}"
        self._sure_until = 0.0
        self._seen: tuple[str, float] = ("", 0.0)
        """The Lease's version, and since when it is that."""
        self._held: Manifest | None = None
        """The Lease as we wrote it last, if nobody can have written it since."""

    def check(self) -> None:
        """Raise NotLeading unless the Lease is held for certain."""
        if time.monotonic() > self._sure_until:
            raise NotLeading("another operator may hold the lease")

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        log.info("waiting for the lease", identity=self.identity)
        while not await self._tried():  # noqa: ASYNC110 - it is another process that is waited for
            await asyncio.sleep(RENEW_SECONDS)
        log.info("leading", identity=self.identity)

    async def hold(self) -> None:
        """Renew the Lease; raise NotLeading once it may be another's."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if not await self._tried():
                self.check()

    async def release(self) -> None:
        """Let another take over at once."""
        held, self._held, self._sure_until = self._held, None, 0.0
        try:
            if held:
                await self._write(held, "")
        except (ClusterError, ClientError, TimeoutError) as error:
            log.warning("the lease was not released", error=str(error))

    async def _tried(self) -> bool:
        try:
            return await self._try()
        except (ClusterError, ClientError, TimeoutError) as error:
            self._held = None  # the answer may have been lost, or another was faster
            log.warning("the lease was not written", error=str(error))
            return False

    async def _try(self) -> bool:
        """Take or renew the Lease if it is free, ours, or expired; of two who try, one is refused."""
        started = time.monotonic()
        found = self._held or await self._read()
        if found and not self._may_take(found, started):
            return False
        self._held = await self._write(found, self.identity)
        self._sure_until = started + SURE_SECONDS
        return True

    def _may_take(self, found: Manifest, now: float) -> bool:
        version, spec = found["metadata"]["resourceVersion"], found["spec"]
        if version != self._seen[0]:
            self._seen = version, now
        expired = now - self._seen[1] > spec.get("leaseDurationSeconds", LEASE_SECONDS)
        return spec.get("holderIdentity", "") in {"", self.identity} or expired

    async def _read(self) -> Manifest | None:
        try:
            return await self._transport.request("GET", path_of(LEASE, self._namespace, self._name))
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def _write(self, found: Manifest | None, holder: str) -> Manifest:
        """Write the Lease over the version that was found; raise ClusterError if there is another by now."""
        before = found["spec"] if found else {}
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        is_new = before.get("holderIdentity") != holder
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": now if is_new else before["acquireTime"],
            "renewTime": now,
            "leaseTransitions": before.get("leaseTransitions", 0) + (is_new and bool(holder)),
        }
        metadata = found["metadata"] if found else {"name": self._name}
        body = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": spec}
        method, name = ("PUT", self._name) if found else ("POST", None)
        return await self._transport.request(method, path_of(LEASE, self._namespace, name), body=body)
