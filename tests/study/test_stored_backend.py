"""The backend of a study: the fastest or the one that is wanted, stored, and used when the study goes on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import sleep

import pytest
import torch
from problems import flat_images
from torch import Tensor

from sparseattack import Classifier, InputError, Problem, rgb
from sparseattack.errors import SparseattackWarning
from sparseattack.experiment.identity import Question
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.provenance import environment
from sparseattack.study.facts import BackendChoice
from sparseattack.study.run import choose_backend, plan
from sparseattack.study.store import Study

MANY = 10**9  # queries: worth any preparation


class Taking:
    """Scores that take so many milliseconds, and how often they were asked for."""

    def __init__(self, milliseconds: float) -> None:
        self.milliseconds, self.calls = milliseconds, 0

    def __call__(self, images: Tensor) -> Tensor:
        self.calls += 1
        sleep(self.milliseconds / 1000)
        return torch.tensor([2.0, 0.0, 0.0]).expand(len(images), 3)


def oracle(own: Taking, **others: Taking) -> Classifier:
    def made(scores: Taking) -> Callable[[Tensor], tuple[Taking, int]]:
        return lambda _: (scores, 1)

    backends = {name: made(scores) for name, scores in others.items()}
    return Classifier("slow", own, "", "logits", backends=backends)


def problem(classifier: Classifier) -> Problem:
    return Problem(classifier, rgb(pixels=1), flat_images(3), torch.zeros(3, dtype=torch.int64), sparse=False)


@pytest.fixture
def study() -> Iterator[Study]:
    with Study.create(Path(":memory:")) as study:
        yield study


def test_the_fastest_is_used_and_stored_and_not_measured_again(study: Study) -> None:
    quick, quicker = Taking(80), Taking(1)
    asked = problem(oracle(Taking(160), a=quick, b=quicker))
    assert choose_backend(asked, MANY, "auto", study).classifier.backend == "b"
    held = study.get(BackendChoice)
    assert held and held.backend == "b" and held.speedup and held.speedup > 2
    before = quick.calls
    resumed = problem(oracle(Taking(0), a=quick, b=Taking(20)))
    assert choose_backend(resumed, MANY, "auto", study).classifier.backend == "b"
    assert quick.calls == before and study.get(BackendChoice) == held


def test_the_oracle_itself_is_used_where_no_other_is_faster(study: Study) -> None:
    asked = problem(oracle(Taking(1), a=Taking(80)))
    assert choose_backend(asked, MANY, "auto", study).classifier.backend == "eager"
    assert study.get(BackendChoice) == BackendChoice("eager", 1.0)


def test_a_few_queries_are_not_worth_a_measurement(study: Study) -> None:
    quick = Taking(0)
    asked = problem(oracle(Taking(5), a=quick))
    assert choose_backend(asked, 100, "auto", study).classifier.backend == "eager"
    assert study.get(BackendChoice) == BackendChoice("eager", None) and not quick.calls


def test_one_that_is_wanted_is_used_however_slow(study: Study) -> None:
    asked = problem(oracle(Taking(1), a=Taking(5)))
    chosen = choose_backend(asked, 1, "a", study).classifier
    assert chosen.backend == "a" and chosen.exact == asked.classifier
    assert study.get(BackendChoice) == BackendChoice("a", None)


def test_eager_stores_nothing(study: Study) -> None:
    asked = problem(oracle(Taking(5), a=Taking(0)))
    assert choose_backend(asked, MANY, "eager", study) is asked and study.get(BackendChoice) is None


def test_one_that_cannot_be_used_is_left_out_with_its_reason(study: Study) -> None:
    def missing(_: Tensor) -> tuple[Taking, int]:
        raise InputError("backend b needs b: pip install b")

    both = oracle(Taking(80), a=Taking(1))
    both = replace(both, backends={"b": missing, **both.backends})
    with pytest.warns(
        SparseattackWarning, match="--backend b is not tried: backend b needs b: pip install b"
    ):
        assert choose_backend(problem(both), MANY, "auto", study).classifier.backend == "a"
    with pytest.raises(InputError, match="backend b needs b"):
        choose_backend(problem(both), MANY, "b", Study.create(Path(":memory:")))


def test_the_backend_as_chosen_is_part_of_the_question() -> None:
    one = Question("d", "logits", "none", "label", False, False, "success")
    assert one.backend == "eager" and replace(one, backend="auto").key != one.key
    assert one.differences(replace(one, backend="openvino")) == ["backend was eager, is openvino"]


def test_an_experiment_stored_before_there_were_backends_is_eager() -> None:
    held = Experiment(backend="auto").to_json()
    assert Experiment.from_json(held).backend == "auto"
    del held["backend"]
    assert Experiment.from_json(held).backend == "eager"


@pytest.mark.parametrize(
    ("chosen", "images", "message"),
    [
        ("digits-forest", "digits[0:2]", "oracle digits-forest has no backend openvino, only eager"),
        ("allconv-small", "sample[0:2]", "no backend tensorrt, only eager, openvino, onnxruntime"),
    ],
)
def test_what_an_oracle_has_not_is_refused_before_anything_is_run(
    chosen: str, images: str, message: str
) -> None:
    backend = "openvino" if chosen == "digits-forest" else "tensorrt"
    with pytest.raises(InputError, match=message):
        prepare(Experiment(strategies=("random",), oracle=chosen, images=images, backend=backend))


def test_a_study_of_another_backend_is_refused(study: Study) -> None:
    asked = Experiment(strategies=("random",), oracle="digits-forest", images="digits[0:2]", budget=5)
    list(plan(prepare(asked), study).run())
    with pytest.raises(InputError, match=r"backend was eager, is auto. Name another file with --study"):
        plan(prepare(replace(asked, backend="auto")), study)


def test_runs_say_by_which_library_they_were_made() -> None:
    assert environment("cpu", []).device == "cpu"
    other = environment("cpu", [], "numpy")
    assert other.device == "cpu by numpy" and other.versions["numpy"]
