"""A detector and a classifier that follow a script: frame by frame, face by face."""

from collections.abc import Mapping, Sequence

from edge.values import Box, Face, Image, MaskScore, log_odds


class ScriptedDetector:
    """Finds the faces written down for each frame, in turn; after the last, none."""

    def __init__(self, frames: Sequence[Sequence[Face]]) -> None:
        self._frames = list(frames)
        self.calls = 0

    def find(self, image: Image) -> list[Face]:  # noqa: ARG002 - a script does not look
        """The next frame's faces."""
        self.calls += 1
        return list(self._frames[self.calls - 1]) if self.calls <= len(self._frames) else []


class ScriptedClassifier:
    """Knows the probability of a properly worn mask for each face's box."""

    def __init__(self, probabilities: Mapping[Box, float]) -> None:
        self._probabilities = dict(probabilities)
        self.calls: list[Box] = []
        self.mirrored: dict[Box, list[bool]] = {}
        """Which of a face's calls were for its mirror image."""

    def score(self, image: Image, box: Box | None, *, mirrored: bool) -> MaskScore:  # noqa: ARG002 - a script does not look
        """What was written down for this box."""
        if box is None:
            raise ValueError("the script knows faces by their boxes only")
        self.calls.append(box)
        self.mirrored.setdefault(box, []).append(mirrored)
        probability = self._probabilities[box]
        return MaskScore(probability, log_odds(probability))
