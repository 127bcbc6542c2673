"""How passages are found for a question."""

from pydantic import Field

from rag_contract import defaults
from rag_contract.retrieval import MAX_NEIGHBOURS, Mode
from rag_operator.fields import HttpUrl, Part, SecretKeyRef


class Reranker(Part):
    """A server that ranks passages anew, by text-embeddings-inference's /rerank.

    While it is away questions are answered without it, and say so.
    """

    url: HttpUrl = Field(description="URL of the server, such as http://reranker.models:8080.")
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Where the server's API key is, if it wants one."
    )
    batch_size: int = Field(
        default=defaults.RERANK_BATCH, ge=1, le=512, description="Most passages in one request to it."
    )
    timeout_seconds: int = Field(
        default=defaults.RERANK_SECONDS,
        ge=1,
        le=60,
        description="Seconds that a question waits for it; then it is answered without.",
    )


class Retrieval(Part):
    """How passages are found for a question."""

    top_k: int = Field(
        default=defaults.RETRIEVAL_TOP_K, ge=1, le=100, description="Passages that an answer is written from."
    )
    mode: Mode = Field(
        default=defaults.RETRIEVAL_MODE,
        description="dense finds passages by meaning, sparse by words (BM25), and hybrid by both, whose ranks"
        " are fused. A collection of a release without BM25 is searched by meaning, whatever is set here.",
    )
    candidates: int = Field(
        default=defaults.RETRIEVAL_CANDIDATES,
        ge=1,
        le=200,
        description="Passages that are looked for, and then ranked anew; at least topK are.",
    )
    rerank: bool = Field(
        default=True,
        description="Rank the candidates anew: by reranker if it is set, else by the sentence of each that is"
        " nearest to the question.",
    )
    reranker: Reranker | None = Field(
        default=None, description="Server that ranks passages anew; without one no further model is needed."
    )
    neighbours: int = Field(
        default=0,
        ge=0,
        le=MAX_NEIGHBOURS,
        description="Chunks before and after a passage, of the same document, that are read with it.",
    )
    scores: bool = Field(
        default=True,
        description="Give out the scores of passages and citations. They help an attacker to probe what the"
        " documents hold, so a pipeline that strangers may ask had better keep them.",
    )
    score_threshold: float = Field(
        default=defaults.RETRIEVAL_SCORE_THRESHOLD,
        ge=-1,
        le=1,
        description="Cosine similarity below which a passage is left out.",
    )
    context_characters: int = Field(
        default=defaults.CONTEXT_CHARACTERS,
        ge=100,
        le=1_000_000,
        description="Characters of the passages that the language model is given, nearest sentences first."
        " Small models answer better from few; large ones take what their context holds.",
    )
