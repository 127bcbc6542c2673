"""The questions of the demo, whose pages were found by reading the manual, and how they are asked."""

import time
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, TypeAdapter
from rich.console import Console
from rich.markup import escape

from rag_cli.answers import Citation
from rag_cli.client import Client


class Question(BaseModel):
    """A question, the pages of the PDF (the first is 1) on which its answer stands, and words from there."""

    question: str
    pages: list[int]
    quote: str


@dataclass(frozen=True)
class Answer:
    """What came back: the text as it was streamed, the citations, seconds to the first word and the end."""

    question: Question
    pieces: list[str]
    citations: list[Citation]
    first_word_seconds: float
    seconds: float

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.pieces).strip()

    @property
    def right_page(self) -> bool:
        """Whether the first citation names a page on which the answer stands."""
        return bool(self.citations) and self.citations[0].page in self.question.pages


def questions() -> list[Question]:
    """Returns the demo's questions."""
    text = Path(__file__).with_name("questions.yaml").read_text()
    return TypeAdapter(list[Question]).validate_python(yaml.safe_load(text))


async def ask(client: Client, question: Question, console: Console) -> Answer:
    """Prints an answer as it is generated, then where it stands: file, page, and the quoted sentence."""
    started, first = time.monotonic(), 0.0
    pieces, citations = list[str](), list[Citation]()
    console.print(f"\n  [bold]Q[/] {escape(question.question)}\n  [bold]A[/] ", end="")
    async for event in client.ask(question.question):
        if isinstance(event, list):
            citations = event
        else:
            first = first or time.monotonic() - started
            pieces.append(event)
            console.print(event, end="", markup=False, soft_wrap=True)
    answer = Answer(question, pieces, citations, first, time.monotonic() - started)
    console.print(
        f"  [dim]({answer.first_word_seconds:.1f} s to the first word, {answer.seconds:.1f} s in all)[/]"
    )
    for citation in citations:
        mark = "[green]✓[/]" if citation.page in question.pages else " "
        score = "" if citation.score is None else f" [dim]{citation.score:.2f}[/]"
        where = f"[cyan]{escape(citation.file_name)}, page {citation.page}[/]{score}"
        console.print(f"    {mark} {where} “{escape(citation.quote)}”", soft_wrap=True)
    return answer


async def ask_all(client: Client, console: Console) -> list[Answer]:
    """Asks all of the demo's questions, one after the other."""
    console.print("  [dim]✓ a page on which the answer is known to stand, and how near the passage is[/]")
    return [await ask(client, question, console) for question in questions()]
