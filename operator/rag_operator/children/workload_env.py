"""Values that the environments of several workloads share."""

from typing import TypedDict

from pydantic import SecretStr

from rag_contract.environment.base import FromSecret
from rag_operator import names
from rag_operator.children.site import Site
from rag_operator.fields import SecretKeyRef
from rag_operator.status import IndexStatus


def from_secret(reference: SecretKeyRef | None) -> FromSecret | None:
    """Return the value that an optional reference of the user's stands for."""
    return FromSecret(reference.name, reference.key) if reference else None


class LibraryValues(TypedDict):
    """The values of rag_contract's LibrarySettings that the operator chooses."""

    pipeline: str
    redis_url: SecretStr
    qdrant_url: str
    qdrant_api_key: SecretStr | None
    qdrant_collection: str
    owner: str
    collection_revision: int


def library_values(site: Site, index: IndexStatus) -> LibraryValues:
    """Return which index a workload has to do with, and how it reaches the stores that hold it."""
    vector_store = names.vector_store_secret(site.pipeline)
    return LibraryValues(
        pipeline=index.id,
        redis_url=FromSecret(names.queue_secret(site.pipeline), "url"),
        qdrant_url=site.vector_store.url,
        qdrant_api_key=FromSecret(vector_store, "api-key") if site.vector_store.api_key else None,
        qdrant_collection=index.spec.collection,
        owner=site.owner,
        collection_revision=index.revision,
    )
