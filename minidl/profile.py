"""What is meant where nobody says: the numbers and names that differ between versions of Keras, in one place.

A profile is read when an object is made, in constructors, and never in a kernel: what was made keeps its numbers, in files
too. ``minidl.config.use_profile("keras-2.1")`` makes objects as that version made them; today's Keras is the default.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """One set of defaults.

    Attributes:
        name: how ``minidl.config.set_profile`` calls it.
        optimizer_epsilon: what keeps an optimizer's division finite.
        hard_sigmoid_slope: s of the activation called hard_sigmoid, s x + 1/2 cut to [0, 1].
        recurrent_activation: of the gates of recurrent layers.
        activity_penalty: whether penalties on results are the ``"mean"`` or the ``"sum"`` over the samples of a batch.
        accuracy_name: what logs call the metric "accuracy".
    """

    name: str
    optimizer_epsilon: float = 1e-7
    hard_sigmoid_slope: float = 1 / 6
    recurrent_activation: str = "sigmoid"
    activity_penalty: str = "mean"
    accuracy_name: str = "accuracy"


KERAS_3 = Profile("keras-3")
KERAS_2_1 = Profile(
    "keras-2.1",
    optimizer_epsilon=1e-8,
    hard_sigmoid_slope=0.2,
    recurrent_activation="hard_sigmoid",
    activity_penalty="sum",
    accuracy_name="acc",
)
PROFILES = {profile.name: profile for profile in (KERAS_3, KERAS_2_1)}
