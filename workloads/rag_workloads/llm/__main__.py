"""`python -m rag_workloads.llm`: serve until SIGTERM or SIGINT."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from prometheus_client import REGISTRY

from rag_contract.environment.llm import LlmSettings
from rag_workloads.llm.backend import Backend
from rag_workloads.llm.engine_metrics import EngineMetrics
from rag_workloads.llm.routes import router
from rag_workloads.web import logs, service


def create_app(settings: LlmSettings) -> FastAPI:
    """The ASGI app."""
    backend, engine = Backend(settings), EngineMetrics(settings.engine_metrics_url)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.backend = backend
        REGISTRY.register(engine)
        yield
        REGISTRY.unregister(engine)
        await engine.close()
        await backend.close()

    async def ready() -> None:
        """Whether the model beside us is loaded; of a server elsewhere our answers can say what is wrong."""
        if settings.engine_metrics_url:
            await backend.ready()

    app = service.create_app("Language model service", lifespan, ready, measure=engine.look)
    app.include_router(router)
    return app


def main() -> None:
    """Run the service."""
    settings = LlmSettings.read()
    logs.configure(settings.log_level, settings.log_format)
    service.serve(create_app(settings), settings, last_seconds=settings.answer_seconds)


if __name__ == "__main__":
    main()
