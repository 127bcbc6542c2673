"""The charts' READMEs are what their values say."""

import chart_readme
import pytest
from chart_readme import ROOT, Value, readme, values


@pytest.mark.parametrize("chart", chart_readme.CHARTS)
def test_a_readme_is_the_generated_one(chart: str) -> None:
    assert (ROOT / "charts" / chart / "README.md").read_text() == readme(chart), "run `make reference`"


def test_a_value_is_told_with_its_default_and_its_comment() -> None:
    text = """
# Pods, of which
# one works.
replicas: 1
images:
  api: a:1
  # For scans.
  ocr: b:2
spec:
  deep: {er: [1]}
"""
    assert list(values(text)) == [
        Value("replicas", "1", "Pods, of which one works."),
        Value("images.api", "a:1", ""),
        Value("images.ocr", "b:2", "For scans."),
        Value("spec", "{deep: {er: [1]}}", ""),
    ]
