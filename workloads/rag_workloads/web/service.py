"""What every HTTP service has: probes, metrics, request ids, problems, and a stop that lets work end."""

import asyncio
import math
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag_contract.endpoints import LIVE_PATH, READY_PATH, STATS_PATH
from rag_contract.environment.base import ServiceSettings
from rag_contract.limits import READY_SECONDS
from rag_workloads.web import metrics, problems
from rag_workloads.web.bodies import BodyLimitMiddleware, Pace
from rag_workloads.web.problems import Problem

REQUEST_ID = "x-request-id"
METRICS_PATH = "/metrics"
BODY_BYTES = 1 << 20
# What machines ask again and again is no part of any trace.
UNTRACED = {LIVE_PATH, READY_PATH, METRICS_PATH, STATS_PATH, "/health"}
# A span a request, in the trace of its `traceparent`, exported where OpenTelemetry's own variables name a
# collector; metrics and logs go other ways.
TELEMETRY: TelemetryConfig = {
    "auto_configure": True,
    "operation_spans": False,
    "metrics": False,
    "logs": False,
    "exclude": lambda scope: scope["path"] in UNTRACED,
}

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

log = structlog.get_logger(__name__)


def create_app(
    title: str,
    lifespan: Lifespan,
    ready: Callable[[], Awaitable[None]],
    *,
    alive: Callable[[], None] = lambda: None,
    body_limit: int = BODY_BYTES,
    body_limits: Mapping[str, int] | None = None,
    pace: Pace | None = None,
    measure: Callable[[], Awaitable[None]] = metrics.nothing_beside,
) -> FastAPI:
    """An app with GET /live and /ready (503 and why while `alive` or `ready` raises), /metrics and /docs.

    A body may have `body_limit` bytes, or what `body_limits` says of its path, and comes at `pace` at least.
    `measure` runs before each scrape.
    """
    app = FastAPIOffline(title=title, lifespan=lifespan, redoc_url=None, telemetry=TELEMETRY)
    problems.install(app)
    app.add_middleware(BodyLimitMiddleware, limit=body_limit, by_path=body_limits or {}, pace=pace or Pace())
    app.add_middleware(RequestIdMiddleware)
    app.add_middleware(metrics.MetricsMiddleware)
    app.add_route(METRICS_PATH, metrics.metrics_route(measure), include_in_schema=False)

    @app.get(LIVE_PATH, include_in_schema=False)
    async def live() -> JSONResponse:
        try:
            alive()
        except Exception as error:
            log.error("not alive", reason=_reason(error))
            raise Problem(503, "not-alive", "Not alive", _reason(error)) from error
        return JSONResponse({"status": "ok"})

    @app.get(READY_PATH, include_in_schema=False)
    async def readiness() -> JSONResponse:
        await check_ready(ready)
        return JSONResponse({"status": "ok"})

    return app


async def check_ready(ready: Callable[[], Awaitable[None]]) -> None:
    """Run a readiness check; whatever it raises becomes a 503 problem that says why."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            await ready()
    except Problem:
        raise
    except Exception as error:
        raise Problem(503, "not-ready", "Not ready", _reason(error)) from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


class RequestIdMiddleware:
    """Gives each request an id (the client's X-Request-Id, if any) in the logs and in the answer.

    An error that nobody foresaw is logged and answered here, where the id is known.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its id bound."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = Headers(scope=scope).get(REQUEST_ID) or uuid.uuid4().hex
        started = False

        async def with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, with_id)
            except Exception:
                log.exception("unhandled error", path=scope["path"])
                if started:
                    raise
                await problems.internal().response()(scope, receive, with_id)


class Server(uvicorn.Server):
    """Stops in order: answers on after SIGTERM until `drain` has returned; a second signal kills it."""

    def __init__(
        self,
        config: uvicorn.Config,
        drain: Callable[[], Awaitable[None]] | None,
        refusal: Callable[[], str | None],
    ) -> None:
        super().__init__(config)
        self._drain, self._refusal = drain, refusal
        self._draining: asyncio.Task[None] | None = None
        self._told_to_stop = False

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop, asked ten times a second."""
        return await super().on_tick(counter) or self._refusal() is not None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Signal handler: drain first, then stop."""
        if self._told_to_stop:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        self._told_to_stop = True
        if self._drain and self.started:
            asyncio.get_running_loop().call_soon_threadsafe(self._start_drain, self._drain, sig, frame)
        else:
            super().handle_exit(sig, frame)

    def _start_drain(self, drain: Callable[[], Awaitable[None]], sig: int, frame: FrameType | None) -> None:
        async def drain_then_exit() -> None:
            log.info("draining")
            try:
                await drain()
            finally:
                super(Server, self).handle_exit(sig, frame)

        self._draining = asyncio.create_task(drain_then_exit())


def serve(
    app: FastAPI,
    settings: ServiceSettings,
    drain: Callable[[], Awaitable[None]] | None = None,
    *,
    refusal: Callable[[], str | None] = lambda: None,
    last_seconds: float,
) -> None:
    """Run the app until SIGTERM or SIGINT; then `drain` first, if given, while the service still answers.

    Requests that are still under way get `last_seconds` to end: an upload may never, and SIGKILL comes next.

    Stops by itself when `refusal` says why it cannot go on: with status 1, and that as its last line, where
    Kubernetes finds what a container's end was about.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=math.ceil(last_seconds),
    )
    Server(config, drain, refusal).run()
    if reason := refusal():
        sys.exit(reason)
