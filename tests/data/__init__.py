"""Files that once were read wrongly."""

from pathlib import Path

DATA = Path(__file__).parent
