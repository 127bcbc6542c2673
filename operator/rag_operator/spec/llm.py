"""The language model and who runs it."""

from pydantic import Field

from rag_contract import defaults, prompts
from rag_operator.fields import HttpUrl, ImageName, ModelName, Part, SecretKeyRef
from rag_operator.rules import EXACTLY_ONE, Rule, rules, spelt, validations
from rag_operator.spec.compute import SMALL, Resources, resources

TEMPLATE_RULE = Rule(
    " && ".join(f"self.contains('{place}')" for place in prompts.NEEDED),
    f"must hold {' and '.join(prompts.NEEDED)}: there the passages and the question are put",
)
FILE_RULE = spelt(
    "[a-zA-Z0-9][-._a-zA-Z0-9]*",
    "must be the name of a file: letters, digits, dots, dashes and underscores, a letter or digit first",
)


class ManagedLlm(Part):
    """A language model that llama.cpp serves in the pipeline's own pods."""

    model: ModelName = Field(description="Name of the model, which answers carry.")
    model_image: ImageName | None = Field(
        default=None,
        description="Image with the model's file in /models. Unset: the one that the operator knows for"
        " the model.",
    )
    model_file: str = Field(
        default="model.gguf",
        min_length=1,
        max_length=200,
        description="Name of the GGUF file in /models.",
        json_schema_extra=validations(FILE_RULE),
    )
    context_length: int = Field(
        default=2048, ge=256, le=1_048_576, description="Context of one answer, in tokens of the model."
    )
    parallel: int = Field(default=2, ge=1, le=64, description="Answers that one pod writes at the same time.")
    replicas: int = Field(default=1, ge=0, le=50, description="Number of pods.")
    resources: Resources = Field(
        default=resources("250m", "512Mi", "2Gi"),
        description="Compute resources of the engine. A CPU limit also sets its number of threads.",
    )
    model_resources: Resources = Field(
        default=SMALL,
        description="Compute resources of the container that copies the model's file out of its image.",
    )


class ExternalLlm(Part):
    """An OpenAI-compatible server that runs elsewhere, such as vLLM."""

    url: HttpUrl = Field(description="Base URL of the API, such as http://vllm.models:8000/v1.")
    model: ModelName = Field(description="Name of the model on that server.")
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Where the server's API key is, if it wants one."
    )
    replicas: int | None = Field(
        default=None,
        ge=1,
        le=50,
        description="Number of pods of the service before the server; as many as the API has when unset.",
    )


class Llm(Part):
    """The language model and who runs it."""

    model_config = rules(EXACTLY_ONE)

    managed: ManagedLlm | None = Field(default=None, description="Let the operator run the model.")
    external: ExternalLlm | None = Field(default=None, description="Use a server that runs elsewhere.")
    resources: Resources = Field(
        default=SMALL,
        description="Compute resources of the service before the engine, or before a server elsewhere.",
    )
    prompt_template: str | None = Field(
        default=None,
        max_length=8000,
        description="What the model is asked, with the places {passages} and {question}, and where they are"
        " wanted {history}, the turns before the question, and {refusal}, the sentence that the model is to"
        " answer with where the passages do not answer the question. Unset: the one in docs/use.md.",
        json_schema_extra=validations(TEMPLATE_RULE),
    )
    max_tokens: int = Field(
        default=defaults.ANSWER_MAX_TOKENS, ge=1, le=32_768, description="Longest answer, in tokens."
    )
    temperature: float = Field(
        default=defaults.ANSWER_TEMPERATURE,
        ge=0,
        le=2,
        description="Zero gives the same answer to the same question.",
    )
