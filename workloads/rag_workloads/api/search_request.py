"""What a request says of the search that it asks for; what it leaves out is the pipeline's setting."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from rag_contract.environment.api import ApiSettings
from rag_contract.retrieval import MAX_NEIGHBOURS, Mode
from rag_workloads.api.filters import PassageFilter
from rag_workloads.api.retrieval import Search

# Named one by one: a pattern's own class of them means something else in each language.
BLANKS = " \t\r\n"


def _stripped(text: str) -> str:
    if stripped := text.strip(BLANKS):
        return stripped
    raise PydanticCustomError("blank", "String should have at least 1 character that is no blank")


def _integer(value: Any) -> Any:
    """JSON has one kind of number: 5.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class SearchRequest(BaseModel):
    """What is looked for: `query`, in the documents of `filter`, by `mode`.

    `rerank` ranks what was found anew. `neighbours` widen each passage by so many chunks before and after it.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    query: Annotated[
        str,
        StringConstraints(min_length=1, max_length=4000),
        AfterValidator(_stripped),
        Field(json_schema_extra={"pattern": f"[^{BLANKS}]"}),
    ]
    top_k: Annotated[int, Field(ge=1, le=100), BeforeValidator(_integer)] | None = None
    mode: Mode | None = None
    filter: PassageFilter | None = None
    rerank: bool | None = None
    neighbours: Annotated[int, Field(ge=0, le=MAX_NEIGHBOURS), BeforeValidator(_integer)] | None = None

    def search(self, settings: ApiSettings) -> Search:
        """The search, with the settings for what is left out."""
        where = (self.filter or PassageFilter()).where
        return Search(
            self.query,
            self.top_k or settings.retrieval_top_k,
            self.mode or settings.retrieval_mode,
            where,
            settings.retrieval_rerank if self.rerank is None else self.rerank,
            settings.retrieval_neighbours if self.neighbours is None else self.neighbours,
        )
