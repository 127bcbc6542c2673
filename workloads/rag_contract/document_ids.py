"""The id of a document that nobody named."""

import uuid


def of_content(sha256: str) -> str:
    """The id that follows from a document's bytes: a client knows it before it sends them."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:sha256:{sha256}"))
