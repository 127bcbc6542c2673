"""The name under which a file is given back; how names come in is tested with the form."""

import pytest

from rag_workloads.api.file_names import attachment


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("手 a.pdf", "attachment; filename=\"_ a.pdf\"; filename*=UTF-8''%E6%89%8B%20a.pdf"),
        (
            'a"; x="\\%41.pdf',
            "attachment; filename=\"a_; x=___41.pdf\"; filename*=UTF-8''a%22%3B%20x%3D%22%5C%2541.pdf",
        ),
        ("a'(b)*.pdf", "attachment; filename=\"a'(b)*.pdf\"; filename*=UTF-8''a%27%28b%29%2A.pdf"),
    ],
)
def test_a_name_is_given_back_whatever_it_holds(name: str, header: str) -> None:
    assert attachment(name) == header
    assert header.isascii()
