"""Training recipes by name."""

from dataclasses import dataclass, replace

from convert.training.augment import Augment, as_people_stand, as_the_device_sees, flip_and_rotate
from edge.errors import UsageError


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
    averaging: float
    """What a step keeps of the exponential mean of the weights, which is validated and saved; 0: no mean."""
    dressed: float
    """The share of bare, frontal faces that get another face's mask, rightly or wrongly; see ``dress``."""
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
    averaging=0.0,
    dressed=0.0,
    augment=flip_and_rotate,
)
"""The published one. Its sigmoid node is our logit node with the sigmoid in the loss: the same gradients."""

FIRST = Recipe(
    name="first",
    epochs=18,
    batch=64,
    learning_rate=5e-4,
    warmup_epochs=1.0,
    weight_decay=0.02,
    label_smoothing=0.05,
    dropout=0.2,
    batch_norm_momentum=0.9,
    weighted=True,
    averaging=0.0,
    dressed=0.0,
    augment=as_the_device_sees,
)
"""What made mask 1.0.0; kept for comparison."""

DEFAULT = replace(FIRST, name="default", epochs=28, averaging=0.998, dressed=0.25, augment=as_people_stand)
"""Adds the mean of the weights, masks put on bare faces, and things held before a face."""

RECIPES = {r.name: r for r in (TALK, FIRST, DEFAULT)}


def recipe_named(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UsageError: there is none; the known ones are named.
    """
    if name not in RECIPES:
        raise UsageError(f"no recipe is called {name!r}; there are {', '.join(RECIPES)}")
    return RECIPES[name]
