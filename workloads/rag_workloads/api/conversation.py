"""What was said before a question, and what is searched for where it does not stand by itself; pure."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rag_workloads.api.prompt import as_data
from rag_workloads.text.units import units

MOST_TURNS, MOST_CHARACTERS = 32, 8000
# Of what is searched for.
MOST_SEARCHED = 4000
# How many of the last turns, and characters of each, the model is told of.
TOLD_TURNS, TOLD_CHARACTERS = 4, 400
# A question of fewer words hardly says what it is about; nor does one with a word that stands for another.
FEW_WORDS = 3
POINTING = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|hers|this|these|those|former|latter|same|else)\b"
    r"|^(?:and|or|but|so|what about|how about)\b|\bthat\W*$"
    r"|[它他她这那其该此]|前者|后者|上述|还有|呢\W*$",
    re.IGNORECASE,
)

Role = Literal["user", "assistant"]


class Turn(BaseModel):
    """What one side said."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    role: Role
    content: Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS)]


Turns = Annotated[list[Turn], Field(max_length=MOST_TURNS)]


def search_text(question: str, turns: list[Turn]) -> str:
    """What to search for: the question, after those before it up to one that stands by itself."""
    asked, wanted = [turn.content for turn in turns if turn.role == "user"], [question]
    while asked and points_back(wanted[0]):
        wanted.insert(0, asked.pop())
    return " ".join(wanted)[-MOST_SEARCHED:]


def points_back(question: str) -> bool:
    """Whether one must know what was said before to know what a question is about."""
    return len(units(question)) <= FEW_WORDS or POINTING.search(question) is not None


def told(turns: list[Turn]) -> str:
    """The last turns as the model is told of them, each cut to its beginning; nothing if there are none."""
    lines = [f"{turn.role}: {as_data(_short(turn.content))}" for turn in turns[-TOLD_TURNS:]]
    return "\n".join(["Conversation so far:", *lines, "", ""]) if lines else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TOLD_CHARACTERS else f"{line[:TOLD_CHARACTERS]}…"
