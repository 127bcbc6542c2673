"""Requests of the embedding service's HTTP contracts."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, PositiveInt

from rag_workloads.embedding.engine import Direction

# Of one text, and of one request to /tokenize: each costs up to 400 bytes while it is tokenized.
MAX_CHARACTERS = 1 << 18
# Their vectors are answered in one piece, which must fit in memory.
MAX_TEXTS = 2048

# A string with a bound is also checked to be text: JSON can hold halves of surrogate pairs, which are none.
Text = Annotated[str, Field(max_length=MAX_CHARACTERS)]
NonEmptyText = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]
Texts = Text | list[Text]


class TextRequest(BaseModel):
    """Ours: one text."""

    text: NonEmptyText


class BatchRequest(BaseModel):
    """Ours: many texts. `batch_size` is accepted and has no effect: the service cuts batches by itself."""

    texts: Annotated[list[NonEmptyText], Field(min_length=1, max_length=MAX_TEXTS)]
    batch_size: PositiveInt = 32


class TeiRequest(BaseModel):
    """text-embeddings-inference's POST /embed."""

    inputs: Texts
    normalize: bool = True
    truncate: bool = False
    truncation_direction: Literal["left", "right", "Left", "Right"] = "right"
    prompt_name: Text | None = None
    dimensions: PositiveInt | None = None

    @property
    def direction(self) -> Direction:
        """Which end a text loses that is too long."""
        return "left" if self.truncation_direction.lower() == "left" else "right"


class TokenizeRequest(BaseModel):
    """text-embeddings-inference's POST /tokenize."""

    inputs: Texts
    add_special_tokens: bool = True


class OpenAiRequest(BaseModel):
    """OpenAI's POST /v1/embeddings; `model` is taken and answered, there is only one."""

    input: Texts
    model: Text | None = None
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: PositiveInt | None = None
    user: Text | None = None
