"""The environment of the API."""

from typing import Annotated

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr

from rag_contract import defaults
from rag_contract.endpoints import API_PORT
from rag_contract.environment.base import JSON, KeySettings, StorageSettings
from rag_contract.index import Index
from rag_contract.limits import ANSWER_SECONDS
from rag_contract.prompts import checked
from rag_contract.retrieval import MAX_NEIGHBOURS, Mode


class ApiSettings(KeySettings, StorageSettings):
    """The index that answers is the one that these settings name, until Redis names another.

    `next_index` is the one that the documents are embedded for anew, which takes its place once it has them
    all. Of two processes that know different ones, the one with the larger `indexes_decided` is right.

    Without `llm_url` questions are answered by citations alone.

    `max_uploads` run at once in one process, and none begins while `max_documents_waiting` are queued.
    As many as `max_event_streams` clients of one process hear of documents as they change.
    A body that stands still for `body_idle_seconds` is refused.

    `retrieval_candidates` chunks are found, and then ranked anew: by the server at `reranker_url`, which is
    asked about `reranker_batch_size` of them at once and waited for `reranker_seconds` at most; without one
    by their sentences.

    `answer_template` takes the place of `rag_contract.prompts.TEMPLATE`.
    `context_characters` bounds the passage that the language model is asked about; `answer_seconds` a whole
    answer, streams too.
    """

    port: PositiveInt = API_PORT
    embedding_url: str
    embedding_model: str
    next_index: Annotated[Index | None, JSON] = None
    indexes_decided: NonNegativeInt = 0
    llm_url: str | None = None
    upload_limit_bytes: PositiveInt = defaults.UPLOAD_LIMIT_MIB << 20
    max_uploads: PositiveInt = 16
    max_documents_waiting: PositiveInt = 100_000
    max_event_streams: PositiveInt = 500
    body_idle_seconds: PositiveFloat = 30
    retrieval_top_k: Annotated[int, Field(ge=1, le=100)] = defaults.RETRIEVAL_TOP_K
    retrieval_score_threshold: Annotated[float, Field(ge=-1, le=1)] = defaults.RETRIEVAL_SCORE_THRESHOLD
    retrieval_mode: Mode = defaults.RETRIEVAL_MODE
    retrieval_candidates: Annotated[int, Field(ge=1, le=200)] = defaults.RETRIEVAL_CANDIDATES
    retrieval_rerank: bool = True
    retrieval_neighbours: Annotated[int, Field(ge=0, le=MAX_NEIGHBOURS)] = 0
    retrieval_scores: bool = True
    reranker_url: str | None = None
    reranker_api_key: SecretStr | None = None
    reranker_batch_size: PositiveInt = defaults.RERANK_BATCH
    reranker_seconds: PositiveFloat = defaults.RERANK_SECONDS
    context_characters: PositiveInt = defaults.CONTEXT_CHARACTERS
    answer_max_tokens: PositiveInt = defaults.ANSWER_MAX_TOKENS
    answer_template: Annotated[str, AfterValidator(checked)] | None = None
    answer_temperature: Annotated[float, Field(ge=0, le=2)] = defaults.ANSWER_TEMPERATURE
    answer_seconds: PositiveFloat = ANSWER_SECONDS
