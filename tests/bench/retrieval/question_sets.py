"""What is asked: documents, questions, and where their answers stand."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from demo import debian
from demo.paths import CACHE
from pydantic import BaseModel, TypeAdapter

QUESTIONS = Path(__file__).with_name("questions")


class Written(BaseModel):
    """A question as its file has it: all pages (the first is 1) that answer it, with the words that do."""

    question: str
    answers: dict[int, str]


@dataclass(frozen=True)
class Place:
    """Where an answer stands; documents are named as their files, without the suffix."""

    document: str
    page: int
    words: str


@dataclass(frozen=True)
class Question:
    """A question with its places, each of which answers it."""

    text: str
    places: list[Place]


@dataclass(frozen=True)
class QuestionSet:
    """Documents and what is asked of them."""

    name: str
    files: list[Path]
    questions: list[Question]


@dataclass(frozen=True)
class Manual:
    """A PDF in a Debian package, for which there is a file of questions."""

    name: str
    package: str
    member: str

    async def fetch(self) -> Path:
        """Returns the PDF."""
        return await debian.extract(
            self.package, self.member, CACHE / "corpus" / "retrieval" / f"{self.name}.pdf"
        )

    def written(self) -> list[Written]:
        """Returns the questions as they are written down."""
        text = (QUESTIONS / f"{self.name}.yaml").read_text()
        return TypeAdapter(list[Written]).validate_python(yaml.safe_load(text))

    async def questions(self) -> QuestionSet:
        """Returns the manual with its questions."""
        asked = [
            Question(each.question, [Place(self.name, page, words) for page, words in each.answers.items()])
            for each in self.written()
        ]
        return QuestionSet(self.name, [await self.fetch()], asked)


MANUALS = (
    Manual("policy", "debian-policy", "usr/share/doc/debian-policy/policy.pdf.gz"),
    Manual("r", "r-doc-pdf", "usr/share/R/doc/manual/R-intro.pdf"),
    Manual("kerberos", "krb5-doc", "usr/share/doc/krb5-doc/admin.pdf.gz"),
    Manual("ups", "nut-doc", "usr/share/doc/nut-doc/pdf/user-manual.pdf"),
    Manual("reference_zh", "debian-reference-zh-cn", "usr/share/debian-reference/debian-reference.zh-cn.pdf"),
)
