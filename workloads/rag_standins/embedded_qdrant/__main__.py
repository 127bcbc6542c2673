"""`python -m rag_standins.embedded_qdrant`: serve until SIGTERM or SIGINT."""

import uvicorn

from rag_standins.embedded_qdrant.app import create_app
from rag_standins.embedded_qdrant.settings import Settings
from rag_workloads.web import logs


def main() -> None:
    """Run the server."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    service = settings.service
    app = create_app(settings)
    uvicorn.run(app, host=service.host, port=service.http_port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
