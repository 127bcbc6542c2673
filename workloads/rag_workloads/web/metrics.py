"""Prometheus metrics of all services, and the middleware that measures HTTP."""

import time
from collections.abc import Awaitable, Callable
from http import HTTPMethod

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HTTP_REQUESTS = Counter("http_requests_total", "HTTP requests answered.", ["method", "endpoint", "status"])
HTTP_SECONDS = Histogram(
    "http_request_duration_seconds", "Time to the last byte of the answer.", ["method", "endpoint"]
)
ACTIVE_CONNECTIONS = Gauge("active_connections", "HTTP requests being answered now.")
API_KEY_REQUESTS = Counter(
    "api_key_requests_total",
    "Requests by the name of their key: allowed, unauthorized, forbidden or rate-limited.",
    ["key", "outcome"],
)
EMBEDDING_REQUESTS = Counter("embedding_requests_total", "Embedding requests over HTTP.", ["status"])
LLM_REQUESTS = Counter("llm_requests_total", "Requests to the language model.", ["status"])
DOCUMENTS = Counter(
    "documents_total", "Documents that ended, by outcome: completed or an error code.", ["outcome"]
)
SEARCHABLE_SECONDS = Histogram(
    "document_searchable_seconds",
    "Time from a document's upload until searches found it.",
    buckets=(1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400),
)
STAGE_SECONDS = Histogram(
    "document_stage_seconds",
    "Time that a document spent in a stage: queued, parsing, embedding or indexing.",
    ["stage"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
)
PAGES_PARSED = Counter("pages_parsed_total", "Pages read from documents.")
CHUNKS_EMBEDDED = Counter("chunks_embedded_total", "Chunks embedded and written to the vector store.")
BATCHES = Counter(
    "embedding_batches_total", "Queue batches by outcome: done, dropped, retried, failed.", ["outcome"]
)
BATCH_SECONDS = Histogram(
    "embedding_batch_duration_seconds", "Time of one queue batch by step: embed or upsert.", ["step"]
)
INFERENCE_SECONDS = Histogram(
    "embedding_inference_seconds",
    "Time of one inference.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
INFERENCE_TEXTS = Histogram(
    "embedding_inference_texts", "Texts in one inference.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
INFERENCE_TOKENS = Counter(
    "embedding_inference_tokens_total", "Tokens that the model read: of texts, or padding.", ["kind"]
)
LANE_TEXTS = Gauge("embedding_lane_texts", "Texts that wait for an inference, by lane.", ["lane"])
LANE_TOKENS = Gauge("embedding_lane_tokens", "Tokens of the texts that wait, by lane.", ["lane"])
LANE_SECONDS = Histogram(
    "embedding_lane_wait_seconds",
    "Time that a text waited for its inference, by lane.",
    ["lane"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60),
)
LLM_TOKENS = Counter(
    "llm_tokens_total", "Tokens that the language model read (in) and wrote (out).", ["direction"]
)
LLM_FIRST_TOKEN_SECONDS = Histogram(
    "llm_first_token_seconds",
    "Time from a request for a stream until its first piece.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120),
)
QUESTIONS = Counter(
    "questions_total", "Questions by how they ended: success, refused, error or cancelled.", ["status"]
)
QUESTION_SECONDS = Histogram(
    "question_stage_seconds",
    "Time of a question's steps: retrieval (embedding, search, ranking), citations or generation.",
    ["stage"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
CITATIONS = Histogram(
    "question_citations", "Citations of an answer.", buckets=(0, 1, 2, 3, 5, 8, 13, 20, 50, 100)
)
PAUSED = Gauge("consuming_paused", "Whether no jobs are taken, as a dependency is away.", ["component"])
OUTAGES = Counter("dependency_outages_total", "Times that a dependency was found away.", ["component"])
SWEEP_FOUND = Gauge(
    "library_sweep_found",
    "What the last comparison of the stores found: orphan_files, orphan_points, incomplete_documents,"
    " missing_files.",
    ["kind"],
)

# A path that matched no route would make a label value per scanner's guess, and so would a method of WebDAV.
UNMATCHED, OTHER = "unmatched", "other"
METHODS = frozenset(HTTPMethod)


class MetricsMiddleware:
    """Counts and times HTTP requests by their route's template. Pure ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and measure it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        start = time.perf_counter()
        with ACTIVE_CONNECTIONS.track_inprogress():
            try:
                await self.app(scope, receive, observe)
            finally:
                endpoint = getattr(scope.get("route"), "path", UNMATCHED)
                method = scope["method"] if scope["method"] in METHODS else OTHER
                HTTP_REQUESTS.labels(method, endpoint, str(status)).inc()
                HTTP_SECONDS.labels(method, endpoint).observe(time.perf_counter() - start)


async def nothing_beside() -> None:
    """Measures nothing but what the process counts by itself."""


def metrics_route(measure: Callable[[], Awaitable[None]]) -> Callable[[Request], Awaitable[Response]]:
    """GET /metrics in Prometheus' text format; `measure` looks first at what is told of others."""

    async def scrape(_: Request) -> Response:
        await measure()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return scrape
