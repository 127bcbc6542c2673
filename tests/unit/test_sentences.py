import pytest
from tests.unit.linear import PATTERNS, is_linear

from rag_workloads.text.sentences import MOST_CHARACTERS, split_sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here now.\nTwo follows\nit there.", ["One is here now.", "Two follows it there."]),
        ("See version 1.2 of it, e.g. this one.", ["See version 1.2 of it, e.g. this one."]),
        ("A heading of words\n\nThen the sentence.", ["A heading of words", "Then the sentence."]),
        ("Take these: • the first item • the second", ["Take these:", "the first item", "the second"]),
        ("- Entry: 12 EUR\n- Fax: 0711\n1. Go on", ["Entry: 12 EUR", "Fax: 0711", "1. Go on"]),
        ("| Entry | 12 EUR |\n|---|---|\n| Fax | 0711 |", ["Entry | 12 EUR", "Fax | 0711"]),
        (
            "Prices follow\nEntry\t12 EUR\nChildren, of age. Free\t0 EUR\n\nAll of them.",
            ["Prices follow", "Entry 12 EUR", "Children, of age.", "Free 0 EUR", "All of them."],
        ),
        ("Get the archive \u2190\ufffd\nfrom here \ufffd\ufffd2", ["Get the archive \u2190", "from here"]),
        ("Entry: 12 EUR. Fax: 0711. Yes.", ["Entry: 12 EUR.", "Fax: 0711.", "Yes."]),
        (
            "He asked “Why?” (Nobody knew.) “No!” was all.",
            ["He asked “Why?”", "(Nobody knew.)", "“No!” was all."],
        ),
        ("What?! Is it… or not? no.", ["What?!", "Is it… or not? no."]),
        (
            "Dr. Smith met J. R. Ewing in the U.S. Army. Then",
            ["Dr. Smith met J. R. Ewing in the U.S. Army.", "Then"],
        ),
        ("See No. 5 and Fig. 2 below. No. Not yet.", ["See No. 5 and Fig. 2 below.", "No.", "Not yet."]),
        ("Am 3. Mai kam z. B. Anna. Ende.", ["Am 3. Mai kam z. B. Anna.", "Ende."]),
        ("It costs 12. The rest is free.", ["It costs 12.", "The rest is free."]),
        (
            "See version\n1.2 of it, but\n2.0 Beta comes. Later.",
            ["See version 1.2 of it, but 2.0 Beta comes.", "Later."],
        ),
        ("3.4 . . . 15", ["3.4 . . . 15"]),
        ("“你好。”他说：“再见！”她走了。", ["“你好。”", "他说：“再见！”", "她走了。"]),
        ("他问：「你是谁？」我没有回答……真的。", ["他问：「你是谁？」", "我没有回答……真的。"]),
        ("第一条（总则）。第二条，是吗？！不。", ["第一条（总则）。", "第二条，是吗？！"]),
        ("No. 5 . . . 15\n\nBut this one is a sentence.", ["But this one is a sentence."]),
        ("1.2 Names … 97\n\nBut this one is.", ["But this one is."]),
        ("No. 5\n\nA.\n\n12 34", ["No. 5"]),
        ("We wind\n\n\nwind(clock)\n\n\nwhich takes", ["We wind", "wind(clock)", "which takes"]),
        ("the third stone, which\n\nthe farmer marked.", ["the third stone, which the farmer marked."]),
        ("A stone:\n\nthe farmer marked it.", ["A stone:", "the farmer marked it."]),
        (
            "这是第一句话，比较长。镇长姓欧阳。“不是！”他说。",
            ["这是第一句话，比较长。", "镇长姓欧阳。", "“不是！”", "他说。"],
        ),
        ("図書館は月曜日に休みです。駅は近いですか？", ["図書館は月曜日に休みです。", "駅は近いですか？"]),
        ("Музей закрыт. Вход: 12 евро. Да.", ["Музей закрыт.", "Вход: 12 евро.", "Да."]),
        ("المتحف مغلق. هل هو كبير؟ نعم.", ["المتحف مغلق.", "هل هو كبير؟", "نعم."]),
        ("संग्रहालय बंद है। प्रवेश निःशुल्क है।", ["संग्रहालय बंद है।", "प्रवेश निःशुल्क है।"]),
        ("ห้องสมุดปิดวันจันทร์ ค่าเข้า 12 บาท", ["ห้องสมุดปิดวันจันทร์", "ค่าเข้า 12 บาท"]),
        ("박물관은 닫혀 있다. 입장료는 12유로다.", ["박물관은 닫혀 있다.", "입장료는 12유로다."]),
        (f"The log begins. {'0123456789abcdef' * 20} It ends. No.", ["The log begins.", "It ends.", "No."]),
        ("Élan vital. Über alles. Ça va.", ["Élan vital.", "Über alles.", "Ça va."]),
        ("", [""]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == expected


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("# Museum of Clocks?\nEntry: 12 EUR.", ["Museum of Clocks?"]),
        ("Museum of Clocks\n\nEntry: 12 EUR.", ["Museum of Clocks"]),
        (
            "The Manual, 4.6\n3.4 The synopsis\n3.4.1 One line\nThe line is short.",
            ["3.4 The synopsis", "3.4.1 One line"],
        ),
        ("Entry 12 EUR\n\nThe museum is closed.", []),
        ("The museum is closed.\n\nIt burnt down.", []),
        ("- Free parking\n\nThe museum is closed.", []),
        ("It burnt down. And then\n\nThe museum was closed.", []),
        ("– 我们明了。我们为这些作品，在档案库\n\n中留出了目录。", []),
        ("and the end of what was cut", []),
    ],
)
def test_headings(text: str, headings: list[str]) -> None:
    found = split_sentences(text)
    assert [sentence.text for sentence in found if sentence.is_heading] == headings
    assert found[-1].heading == (headings[-1] if headings else "")


def test_a_sentence_starts_where_it_stands_in_the_text() -> None:
    text = "The first sentence.\n\n  The second\none.\n• A third\n# Four\nFive."
    found = split_sentences(text)
    assert len(found) == 5
    assert all(text[sentence.start :].startswith(sentence.text[:5]) for sentence in found)


@pytest.mark.parametrize("text", ["a" * 5_000, "word " * 1_000, "图" * 5_000, "# " + "a" * 5_000])
def test_no_sentence_is_too_long(text: str) -> None:
    assert max(len(sentence.text) for sentence in split_sentences(text)) <= MOST_CHARACTERS


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_time_grows_no_faster_than_the_text(pattern: str) -> None:
    assert is_linear(split_sentences, pattern)


@pytest.mark.parametrize("marks", ["•", "* * *", "#", "| | |"])
def test_a_text_of_nothing_but_marks_is_not_empty(marks: str) -> None:
    assert [(sentence.text, sentence.start) for sentence in split_sentences(marks)] == [(marks, 0)]
