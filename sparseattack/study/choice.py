"""Which cases of a comparison are attacked: those that may be, or those of some images drawn among them."""

from collections.abc import Sequence
from typing import NamedTuple

from sparseattack.data.images import Images
from sparseattack.errors import InputError
from sparseattack.provenance import digest, digest_image
from sparseattack.study.cases import Case, attackable, cases
from sparseattack.study.prepared import Prepared


class Choice(NamedTuple):
    """What is attacked, and what is not."""

    cases: dict[int, list[Case]]  # by seed
    eligible: int  # images that may be attacked, drawn or not
    left_out: int  # cases that are no attack: misclassified, or of the target class, or called so


def choose(prepared: Prepared) -> Choice:
    """The cases of every seed; InputError where more images are to be drawn than may be attacked.

    Drawn are images, each with all its targets, and the same ones for every seed.
    """
    chosen = prepared.experiment
    every = {seed: _cases(prepared, seed) for seed in chosen.seeds}
    possible = {seed: _possible(prepared, some) for seed, some in every.items()}
    eligible = sorted({case.image for some in possible.values() for case in some})
    kept = drawn(prepared.images, eligible, chosen.draw, chosen.draw_seed)
    lost = [len(every[seed]) - len(possible[seed]) for seed in chosen.seeds]
    return Choice(
        {seed: [case for case in some if case.image in kept] for seed, some in possible.items()},
        len(eligible),
        lost[0] if chosen.target == "none" else sum(lost),
    )


def drawn(images: Images, eligible: Sequence[int], count: int, seed: int) -> set[int]:
    """The places of ``count`` of the ``eligible`` images, or of all if it is 0.

    A digest of the seed and of what an image shows orders them: fewer are among more, and an image's place
    changes nothing.
    """
    if count > len(eligible):
        raise InputError(
            f"{count} images are to be drawn, but of {len(images)} only {len(eligible)} may be attacked: draw"
            " fewer, or name more images"
        )
    if not count:
        return set(eligible)
    return set(sorted(eligible, key=lambda place: digest([seed, digest_image(images.pixels[place])]))[:count])


def _cases(prepared: Prepared, seed: int) -> list[Case]:
    images, target = prepared.images, prepared.experiment.target
    return cases(images.pixels, images.labels, target, seed, prepared.classes)


def _possible(prepared: Prepared, every: Sequence[Case]) -> list[Case]:
    """Those that are an attack."""
    labels, predicted = prepared.images.labels.tolist(), prepared.verdicts.classes.tolist()
    correct_only = prepared.experiment.correct_only
    pairs = ((case, labels[case.image], predicted[case.image]) for case in every)
    return [case for case, *pair in pairs if attackable(case, *pair, correct_only=correct_only)]
