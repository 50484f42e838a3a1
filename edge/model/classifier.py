"""The mask classifier: one face in, the probability of a properly worn mask out."""

from pathlib import Path

import numpy as np

from edge.errors import ModelError
from edge.model.contract import Contract
from edge.model.preprocess import face_input
from edge.model.runtime import Model, Runtime, find_runtime
from edge.values import Box, Image, MaskScore, Verdict, sigmoid


class MaskClassifier:
    """A released mask model. Not thread-safe.

    Args:
        path: the ``.tflite``, its contract beside it.
        runtime: which TFLite runtime; the best installed one by default.
        threshold: overrides the contract's (probability, 0 to 1).

    Raises:
        ModelError: it is missing or damaged, or its contract is not that of a mask model fed with RGB.
    """

    def __init__(
        self, path: Path, runtime: Runtime | None = None, *, threads: int = 1, threshold: float | None = None
    ) -> None:
        self.model = Model(path, runtime or find_runtime(), threads=threads)
        c = self.contract
        if c.kind != "mask-classifier" or c.crop is None or c.threshold is None:
            raise ModelError(f"{path}: its contract describes a {c.kind}, not a complete mask-classifier")
        if c.channel_order != "RGB":
            raise ModelError(
                f"{path}: its contract says channel_order {c.channel_order}, but mask models are fed RGB; "
                "convert it again with mask-convert"
            )
        self.threshold = c.threshold if threshold is None else threshold
        self._size = (c.input.shape[0], c.input.shape[1])
        self._margin = c.crop.margin

    @property
    def contract(self) -> Contract:
        """The model's contract."""
        return self.model.contract

    def score(self, image: Image, box: Box | None, *, mirrored: bool = False) -> MaskScore:
        """Score a face in a picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: the face in the picture's pixels; None where the picture is a face crop already.
            mirrored: swap left and right: a second opinion of the same face.
        """
        x = face_input(image, box, self._size, self._margin)
        return self.score_input(np.ascontiguousarray(x[:, ::-1]) if mirrored else x)

    def score_input(self, x: Image) -> MaskScore:
        """Score a ready input, (H, W, 3) uint8 RGB of the model's own size."""
        raw = float(self.model.run_float(x)[0].reshape(-1)[0])
        c = self.contract.calibration
        logit = c.slope * raw + c.offset
        return MaskScore(probability=sigmoid(logit), logit=logit)

    def verdict(self, score: MaskScore) -> Verdict:
        """Masked or not, of one look; whether the look could be judged at all is decided elsewhere."""
        return Verdict.MASKED if score.probability >= self.threshold else Verdict.NOT_MASKED
