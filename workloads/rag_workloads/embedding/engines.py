"""Picks the engine that the settings name."""

from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads.embedding.engine import Engine


async def start_engine(settings: EmbeddingSettings, revision: str = "") -> Engine:
    """Start it; its errors, and those of finding the model's files.

    Of a model on the hub the commit `revision`, or the newest one if that is "".
    """
    # Imported as needed: each brings libraries that the other has no use for, and a new pod must start fast.
    if settings.engine == "tei":
        from rag_workloads.embedding.remote_engine import RemoteEngine  # noqa: PLC0415

        return await RemoteEngine.start(settings)
    from rag_workloads.embedding.local_engine import LocalEngine  # noqa: PLC0415

    return await LocalEngine.start(settings, revision)
