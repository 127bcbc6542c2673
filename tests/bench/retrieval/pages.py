"""The pages of documents as anybody reads them: past the pipeline."""

from collections.abc import Sequence
from pathlib import Path

import pymupdf

from tests.bench.retrieval.folding import fold, stands_on
from tests.bench.retrieval.question_sets import QuestionSet
from tests.bench.retrieval.scores import Cited


def read_pages(file: Path) -> list[str]:
    """Returns the text of each page; a text file is one."""
    if file.suffix != ".pdf":
        return [file.read_text()]
    with pymupdf.open(file) as document:
        return [page.get_text() for page in document]


def misplaced(asked: QuestionSet) -> list[str]:
    """Returns the answering words of a set that do not stand on the page which is named for them."""
    pages = {file.stem: [fold(page) for page in read_pages(file)] for file in asked.files}
    return [
        f"{place.document}, page {place.page}: {place.words}"
        for question in asked.questions
        for place in question.places
        if fold(place.words) not in pages[place.document][place.page - 1]
    ]


def not_verbatim(asked: QuestionSet, citations: Sequence[Cited]) -> list[Cited]:
    """Returns the citations whose quotes do not stand word for word on the pages that they name."""
    pages = {file.stem: read_pages(file) for file in asked.files}
    return [each for each in citations if not stands_on(each.quote, pages[each.document], each.page)]
