"""Write the dashboards into the operator's chart: `python -m dashboards`, run in hack/."""

from pathlib import Path

from dashboards.operator import OPERATOR
from dashboards.overview import OVERVIEW
from dashboards.panels import encode
from dashboards.pipeline import PIPELINE

FOLDER = Path(__file__).resolve().parents[2] / "charts" / "ragpipeline-operator" / "dashboards"
DASHBOARDS = (OVERVIEW, PIPELINE, OPERATOR)


def main() -> None:
    """Write a file for each."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.name}.json").write_text(encode(dashboard))


if __name__ == "__main__":
    main()
