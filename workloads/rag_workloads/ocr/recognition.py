"""Lines of text in a picture, by RapidOCR with the models in its wheel, which know Chinese and English."""

import logging
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidocr import EngineType, RapidOCR
from rapidocr.utils.output import RapidOCROutput

# One process reads one page, and a worker has a process for each document that it reads.
PARAMETERS = {
    **{f"{step}.engine_type": EngineType.OPENVINO for step in ("Det", "Cls", "Rec")},
    "EngineConfig.openvino.inference_num_threads": 1,
    "EngineConfig.openvino.num_streams": 1,
    # Pages that stand on their head are rare, and are told at a cost for each line.
    "Global.use_cls": False,
    "Rec.rec_batch_num": 1,
    "Global.log_level": "error",
}

# Pixels. OpenVINO makes its programs anew for each other shape of its input, and keeps them: a few pages took
# gigabytes. So lines are read one by one, and are of few widths.
WIDTHS = 320


class Recognized(NamedTuple):
    """A line, and its box in pixels."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float


def recognize(picture: NDArray[np.uint8]) -> list[Recognized]:
    """The lines in a picture of three colors a pixel, from top to bottom."""
    found = _engine()(picture[:, :, ::-1])  # it takes blue first
    if not isinstance(found, RapidOCROutput) or found.txts is None or found.boxes is None:
        return []
    return [
        Recognized(text, *map(float, (*box.min(axis=0), *box.max(axis=0))))
        for text, box in zip(found.txts, found.boxes, strict=True)
    ]


@cache
def _engine() -> RapidOCR:
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    engine = RapidOCR(params=PARAMETERS)
    recognizer = engine._load_rec_model()  # else it is loaded in the first call
    recognizer.session = _InFewWidths(recognizer.session)
    return engine


class _InFewWidths:
    """A model whose input is filled up, at its end, with what stands between lines."""

    def __init__(self, session: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self._session = session

    def __call__(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        missing = -picture.shape[3] % WIDTHS
        return self._session(np.pad(picture, ((0, 0), (0, 0), (0, 0), (0, missing))))
