"""How passages are found: what a pipeline does by default, and what a request may ask for."""

from typing import Literal

# By meaning, by words, or by both, whose ranks are fused.
Mode = Literal["dense", "sparse", "hybrid"]

MAX_NEIGHBOURS = 10
