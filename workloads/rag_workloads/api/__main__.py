"""`python -m rag_workloads.api`: serve until SIGTERM or SIGINT."""

from rag_contract.environment.api import ApiSettings
from rag_workloads.api.main import create_app, end_streams, refusal
from rag_workloads.web import logs, service


def main() -> None:
    """Run the API."""
    settings = ApiSettings.read()
    logs.configure(settings.log_level, settings.log_format)
    app = create_app(settings)
    service.serve(
        app,
        settings,
        lambda: end_streams(app),
        refusal=lambda: refusal(app),
        last_seconds=settings.answer_seconds,
    )


if __name__ == "__main__":
    main()
