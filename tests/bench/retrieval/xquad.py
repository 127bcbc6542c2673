"""XQuAD: the same questions in English and Chinese, each answered by one of 240 paragraphs.

Its licence (CC BY-SA 4.0) is not this repository's, so that its folder is named when it is measured.
"""

import json
from pathlib import Path

from tests.bench.retrieval.question_sets import Place, Question, QuestionSet

LANGUAGES = ("en", "zh")
FOLDER = Path("../shared/data")


def load(folder: Path, language: str, into: Path) -> QuestionSet:
    """Returns the questions of a language, each paragraph a text file in a folder of its own."""
    data = json.loads((folder / f"xquad.{language}.json").read_text())["data"]
    files, questions = list[Path](), list[Question]()
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    for number, paragraph in enumerate(paragraphs):
        file = into / f"{language}-{number:03}.txt"
        file.write_text(paragraph["context"])
        files.append(file)
        questions += [
            Question(asked["question"], [Place(file.stem, 1, asked["answers"][0]["text"])])
            for asked in paragraph["qas"]
        ]
    return QuestionSet(f"xquad_{language}", files, questions)


def there(folder: Path) -> bool:
    """Whether the data of all languages is in a folder."""
    return all((folder / f"xquad.{language}.json").exists() for language in LANGUAGES)
