"""Training recipes by name."""

from dataclasses import dataclass

from convert.augment import Augment, as_the_device_sees, flip_and_rotate


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything about a training run that is not data, seed or length of the run's disk."""

    name: str
    epochs: int
    batch: int
    learning_rate: float
    warmup_epochs: float
    """The rate rises to its value over this many epochs, then falls to 0 as a cosine; 0: it is constant."""
    weight_decay: float
    label_smoothing: float
    dropout: float
    batch_norm_momentum: float
    weighted: bool
    """Whether an epoch shows each face as often as its weight says, or once."""
    augment: Augment


TALK = Recipe(
    name="talk",
    epochs=70,
    batch=32,
    learning_rate=1e-5,
    warmup_epochs=0,
    weight_decay=0.0,
    label_smoothing=0.0,
    dropout=0.2,
    batch_norm_momentum=0.999,
    weighted=False,
    augment=flip_and_rotate,
)
"""The published one. Its sigmoid node is our logit node with the sigmoid in the loss: the same gradients."""

DEFAULT = Recipe(
    name="default",
    epochs=18,
    batch=64,
    learning_rate=5e-4,
    warmup_epochs=1.0,
    weight_decay=0.02,
    label_smoothing=0.05,
    dropout=0.2,
    batch_norm_momentum=0.9,
    weighted=True,
    augment=as_the_device_sees,
)

RECIPES = {r.name: r for r in (TALK, DEFAULT)}
