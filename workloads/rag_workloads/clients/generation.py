"""What is said between the API and the language model service."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# OpenAI's word for it: whether the model had ended, or was cut off at `max_tokens`.
FinishReason = Literal["stop", "length"]

Text = Annotated[str, Field(min_length=1)]


class Prompt(BaseModel):
    """What to generate from. The answer ends before any text of `stop`."""

    prompt: Text
    max_tokens: Annotated[int, Field(ge=1, le=32_768)] = 512
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    stop: Annotated[list[Text], Field(max_length=8)] = []


class Ending(BaseModel):
    """How an answer ended, and how many tokens the model read and wrote."""

    model_config = ConfigDict(frozen=True)

    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    tokens_used: int = 0
