"""Classifiers are given whole blocks of images, and their scores are checked."""

from collections.abc import Callable

import pytest
import torch
from problems import random_images
from torch import Tensor

from sparseattack import Classifier, InputError, Oracle, OracleError
from sparseattack.problem.inference import Numbers, score_images, sizes

IMAGES = random_images(3)


def answering(scores: Callable[[Tensor], object]) -> Oracle:
    def stern(images: Tensor) -> Tensor:
        return scores(images)  # type: ignore[return-value]

    return stern


def score(oracle: Oracle, images: Tensor, numbers: Numbers) -> Tensor:
    return score_images(Classifier.of(oracle), images, numbers)


def chunk(oracle: Oracle, images: Tensor, pad: int = 0) -> int:
    """The most images in one call."""
    return sizes(Classifier.of(oracle), images, pad).chunk


def zeros(images: Tensor) -> Tensor:
    return torch.zeros(len(images), 4)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 64])
def test_a_batch_is_padded_with_its_last_image_to_the_oracles_blocks(
    count: int,
) -> None:
    shown: list[Tensor] = []
    images = random_images(count)

    def recording(given: Tensor) -> Tensor:
        shown.append(given)
        return zeros(given)

    recording.block = 32  # type: ignore[attr-defined]
    scores = score(recording, images, range(count))
    assert scores.shape == (count, 4)
    assert len(shown[0]) == -(-count // 32) * 32
    assert torch.equal(shown[0][:count], images)
    assert (shown[0][count:] == images[-1]).all()


def test_a_block_is_no_larger_than_the_oracle_takes() -> None:
    class Small:
        batch = 5

        def __call__(self, images: Tensor) -> Tensor:
            assert len(images) <= self.batch
            return zeros(images)

    assert chunk(Small(), IMAGES) == 5
    assert len(score(Small(), IMAGES, range(3))) == 3


@pytest.mark.parametrize(
    ("batch", "pad", "expected"),
    [(256, 32, 256), (100, 32, 96), (32, 32, 32), (31, 32, 31), (1, 32, 1), (7, 2, 6)],
)
def test_a_call_has_whole_blocks(batch: int, pad: int, expected: int) -> None:
    oracle = answering(zeros)
    oracle.batch = batch  # type: ignore[attr-defined]
    assert chunk(oracle, IMAGES, pad) == expected


@pytest.mark.parametrize("count", [1, 3, 40])
def test_an_oracle_without_blocks_is_given_exactly_the_images(count: int) -> None:
    calls: list[int] = []

    def counts(images: Tensor) -> Tensor:
        calls.append(len(images))
        return zeros(images)

    for images in (random_images(count), random_images(count).to("meta")):
        assert sizes(Classifier.of(counts), images).block == 1
    score(counts, random_images(count), range(count))
    assert calls == [count]


def test_a_call_is_no_larger_than_memory_holds() -> None:
    assert chunk(answering(zeros), torch.empty(1, 3, 512, 512)) == 85
    assert chunk(answering(zeros), torch.empty(1, 3, 4000, 4000)) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda images: None, "oracle stern answered image 7 with NoneType, not a tensor of floats$"),
        (lambda images: zeros(images).numpy(), r"with ndarray, .*: return torch\.from_numpy\(scores\)"),
        (lambda images: zeros(images).tolist(), r"with list, .*: return torch\.tensor\(scores\)"),
        (
            lambda images: zeros(images).long(),
            r"torch.int64, not a tensor of floats: .*one_hot\(labels, CLASSES",
        ),
        (lambda images: zeros(images).bool(), "answered image 7 with torch.bool, not a tensor of floats"),
        (lambda images: zeros(images)[:0], r"of shape \(0, 4\), not \(1, classes\)"),
        (lambda images: zeros(images)[:, 0], r"image 7 with scores of shape \(1,\), not \(1, classes\)"),
        (
            lambda images: zeros(images)[:, :1],
            r"image 7 with scores of shape \(1, 1\).* with at least 2 classes: .*scale=binary .*probability$",
        ),
        (lambda images: zeros(images).fill_(torch.nan), "oracle stern answered NaN to image 7"),
        (lambda images: zeros(images).fill_(-torch.inf), "answered an infinite score to image 7"),
        (lambda images: 1 / 0, "oracle stern failed on image 7: ZeroDivisionError: division by zero"),
        (lambda images: dict[str, int]()["x"], "oracle stern failed on image 7: KeyError: 'x'"),
    ],
)
def test_scores_of_no_classifier_are_refused(wrong: Callable[[Tensor], object], said: str) -> None:
    with pytest.raises(OracleError, match=said):
        score(answering(wrong), random_images(1), [7])


def test_a_padded_call_is_said_to_be_one() -> None:
    with pytest.raises(
        OracleError, match=r"answered 4 images from 0 to 19 \(padded to 32\) with scores of shape \(32, 1\)"
    ):
        made = Classifier.of(answering(lambda images: zeros(images)[:, :1]))
        score_images(made, random_images(4), [0, 6, 13, 19], 32)


def test_the_image_with_a_wrong_score_is_named() -> None:
    def wrong(images: Tensor) -> Tensor:
        return torch.where(torch.arange(len(images)).unsqueeze(1) == 2, torch.nan, zeros(images))

    with pytest.raises(OracleError, match=r"oracle stern answered NaN to image 15$"):
        score(answering(wrong), random_images(4), torch.tensor([11, 12, 15, 19]))


def test_the_images_that_an_oracle_fails_on_are_named() -> None:
    with pytest.raises(OracleError, match="failed on 2 images from 4 to 8: ZeroDivisionError"):
        score(answering(lambda images: 1 // 0), random_images(3), [4, 8, 4])


def test_an_oracle_that_fails_where_it_chooses_its_blocks_is_named() -> None:
    def block(images: Tensor) -> int:
        raise RuntimeError("shapes cannot be multiplied")

    oracle = Classifier("small", zeros, "", block=block)
    with pytest.raises(OracleError, match=r"^oracle small failed on 3 images from 0 to 2: Runtime"):
        sizes(oracle, random_images(3))


def test_scores_of_padding_are_not_checked() -> None:
    def wrong(images: Tensor) -> Tensor:
        return torch.where(torch.arange(len(images)).unsqueeze(1) >= 3, torch.nan, zeros(images))

    assert score(answering(wrong), random_images(3), range(3)).isfinite().all()


def test_an_oracles_own_message_about_its_input_is_unchanged() -> None:
    def refuses(images: Tensor) -> Tensor:
        raise InputError("oracle refuses takes other images")

    with pytest.raises(InputError, match=r"^oracle refuses takes other images$"):
        score(refuses, random_images(1), [0])


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_scores_in_few_bits_are_widened(half: torch.dtype) -> None:
    assert (
        score(answering(lambda images: zeros(images).to(half)), random_images(2), [0, 1]).dtype
        == torch.float32
    )


class Shares:
    scale = "probabilities"

    def __init__(self, *shares: float) -> None:
        self.shares = shares

    def __call__(self, images: Tensor) -> Tensor:
        return torch.tensor([self.shares]).expand(len(images), -1)


def test_probabilities_are_accepted_with_their_rounding() -> None:
    assert score(Shares(1.0004, 0.0), random_images(1), [0]).shape == (1, 2)


@pytest.mark.parametrize("shares", [(2.5, -1.0), (0.5, torch.nan), (torch.inf, 0.0)])
def test_scores_that_are_no_probabilities_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(
        OracleError, match=r"oracle Shares answered (probabilities from -1 to 2.5|NaN|an inf)"
    ):
        score(Shares(*shares), random_images(1), [0])


def test_the_tensors_of_a_dictionary_or_tuple_are_named() -> None:
    scores, maps = torch.zeros(3, 5), torch.zeros(3, 7)
    said = (
        r"dict, not .*'logits' \(3, 5\), 'features' \(3, 7\): return the scores alone, as answer\['logits'\]"
    )
    with pytest.raises(OracleError, match=said):
        score(answering(lambda _: {"features": maps, "logits": scores}), IMAGES, range(3))
    with pytest.raises(
        OracleError, match=r"tuple, not .*0 \(3, 5\): return the scores alone, as answer\[0\]"
    ):
        score(answering(lambda _: (scores, None)), IMAGES, range(3))
