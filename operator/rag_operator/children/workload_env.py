"""Values that the environments of several workloads share."""

from typing import TypedDict

from pydantic import SecretStr

from rag_contract.api_keys import ApiKey
from rag_contract.environment.base import FromSecret
from rag_operator import names
from rag_operator.children.pods import secret_env
from rag_operator.children.site import Site
from rag_operator.fields import SecretKeyRef
from rag_operator.names import Manifest
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


class KeyValues(TypedDict):
    """The values of rag_contract's KeySettings that the operator chooses."""

    api_key: SecretStr | None
    api_keys: list[ApiKey] | None


def key_values(site: Site) -> KeyValues:
    """Return which keys a service asks for."""
    auth = site.spec.api.auth
    described = [
        ApiKey(
            name=key.name,
            scopes=frozenset(key.scopes),
            requests_per_minute=key.requests_per_minute,
            variable=_variable(number),
        )
        for number, key in enumerate(auth.keys)
    ]
    return KeyValues(api_key=from_secret(auth.api_key_secret_ref), api_keys=described or None)


def key_env(site: Site) -> list[Manifest]:
    """Return the variables with the values of the keys that `key_values` describes."""
    references = [key.secret_key_ref for key in site.spec.api.auth.keys]
    return [secret_env(_variable(number), each.name, each.key) for number, each in enumerate(references)]


def _variable(number: int) -> str:
    return f"API_KEY_{number}"
