"""docs/metrics.md has every metric there is."""

from metrics_page import PAGE, page


def test_the_page_is_what_the_modules_make() -> None:
    assert PAGE.read_text() == page(), "run `make reference`"


def test_a_row_says_type_labels_and_meaning() -> None:
    assert "| `queue_retries_total` | counter | `queue` | Entries that went back to be run again. |" in page()
