"""`python -m rag_workloads.embedded_qdrant`: serve until SIGTERM or SIGINT."""

import uvicorn

from rag_workloads.core import logs
from rag_workloads.embedded_qdrant.app import create_app
from rag_workloads.embedded_qdrant.settings import Settings


def main() -> None:
    """Run the server."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    service = settings.service
    app = create_app(settings)
    uvicorn.run(app, host=service.host, port=service.http_port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
