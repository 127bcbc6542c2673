import pytest

from rag_workloads.worker.wide_lines import join_lines

FULL = "我们由我们的用户及自由软件社群的需要所导向，我们将优先考"


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (f"{FULL}\n虑他们的利益。", f"{FULL}虑他们的利益。"),
        (f"{FULL}\n{FULL}\n虑。", f"{FULL}{FULL}虑。"),
        (f"{FULL}：\n「{FULL}」", f"{FULL}：「{FULL}」"),
        (f"{FULL}\nDebian 的软件包", f"{FULL}\nDebian 的软件包"),
        (f"自由软件\n{FULL}虑", f"自由软件\n{FULL}虑"),
        ("苹果汁\n香蕉汁\n葡萄汁", "苹果汁\n香蕉汁\n葡萄汁"),
        (f"{FULL}\n\n{FULL}", f"{FULL}\n\n{FULL}"),
        (
            "도서관은 매일 아침 아홉 시에 문을 열고 저녁 여덟\n시에 닫는다",
            "도서관은 매일 아침 아홉 시에 문을 열고 저녁 여덟\n시에 닫는다",
        ),
        ("One line that is long enough\nand another", "One line that is long enough\nand another"),
        ("", ""),
    ],
)
def test_full_lines_of_wide_characters_run_on(lines: str, joined: str) -> None:
    assert join_lines(lines) == joined
