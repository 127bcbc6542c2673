"""Structured logs: one JSON object a line in a cluster, colours on a console.

Bind what identifies the work with `structlog.contextvars.bind_contextvars(request_id=...)` or `job_id=...`;
every line logged in that context carries it, those of libraries too, and the id of the trace if there is one.
"""

import logging
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from rag_contract.environment.base import LogFormat, LogLevel
from rag_workloads import tracing


def configure(level: LogLevel, format: LogFormat) -> None:
    """Send structlog's and the standard library's records through one formatter to stderr."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _with_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if format == "json"
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_colours, *renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Chatty at info: a line per request to Redis, Qdrant or the hub.
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "arq.worker", "filelock"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _with_trace(_: Any, __: str, event: EventDict) -> EventDict:
    if trace_id := tracing.trace_id():
        event["trace_id"] = trace_id
    return event


def _without_colours(_: Any, __: str, event: EventDict) -> EventDict:
    """Drop the second copy of the message that uvicorn adds for terminals."""
    event.pop("color_message", None)
    return event
