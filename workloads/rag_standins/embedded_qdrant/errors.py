"""Errors with the statuses and wordings of Qdrant."""


class QdrantError(Exception):
    """Answered as `{"status": {"error": message}}` with this HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def bad_request(message: str) -> QdrantError:
    """The request makes no sense, or asks for what this server does not do."""
    return QdrantError(400, f"Wrong input: {message}")


def missing_collection(name: str) -> QdrantError:
    """No collection of this name."""
    return QdrantError(404, f"Not found: Collection `{name}` doesn't exist!")


def from_engine(error: Exception) -> QdrantError:
    """What the engine raised; it has messages only, of which one prefix marks its own faults."""
    message = str(error)
    return QdrantError(500, message) if message.startswith("Service") else bad_request(message)
