"""Backends: another library computes the scores, and the same images are fooled at the same queries."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from adapted import directly, given
from torch import Tensor, nn

from sparseattack import Classifier, InputError, LeftOut, load, load_images
from sparseattack.oracles.backends import conversion
from sparseattack.oracles.backends.backend import LibraryBackend
from sparseattack.oracles.dense_inference.blocks import Network
from sparseattack.oracles.dense_inference.fusion import stamp
from sparseattack.problem.inference import score_images
from sparseattack.provenance import BACKEND_PACKAGES, environment
from sparseattack.search.inference import with_backend


@pytest.fixture(params=list(BACKEND_PACKAGES))
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend; skipped where what it needs is not installed."""
    for package in BACKEND_PACKAGES[request.param]:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: {conversion.HOW}")
    return str(request.param)


def test_the_same_attack_has_the_same_outcomes(backend: str) -> None:
    images, labels = given()
    own = load("oracles", "allconv-small")()
    other = with_backend(own, backend, images)
    assert (other.backend, other.exact) == (backend, own)
    found = [directly(labels, oracle=oracle) for oracle in (own, other)]
    facts = [
        [
            one.reason
            if isinstance(one, LeftOut)
            else (one.queries, one.first_fooled, one.fooled, one.pixels)
            for one in outcomes
        ]
        for outcomes in found
    ]
    assert facts[0] == facts[1] and len(facts[0]) == len(images)
    assert any(not isinstance(one, LeftOut) and one.fooled for one in found[0])


def test_versions_of_all_that_a_backend_needs_are_recorded(backend: str) -> None:
    assert set(BACKEND_PACKAGES[backend]) <= set(environment("cpu", [], backend).versions)


def test_an_image_has_the_same_bits_in_any_company(backend: str) -> None:
    images = load_images("sample[0:40]").floats()
    oracle = with_backend(load("oracles", "allconv-small")(), backend, images)
    whole = score_images(oracle, images, torch.arange(40))
    for count in (1, 2, 3, 5, 8, 13, 24, 33):
        some = torch.randperm(40, generator=torch.Generator().manual_seed(count))[:count]
        assert torch.equal(score_images(oracle, images[some], some), whole[some]), count


def test_an_exported_program_has_backends_too(backend: str, tmp_path: Path) -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten()
    ).eval()
    many = ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(network, (torch.rand(2, 3, 6, 6),), dynamic_shapes=many)
    torch.export.save(program, tmp_path / "net.pt2")
    own, images = load("oracles", "torch-export", {"path": str(tmp_path / "net.pt2")})(), probes()
    other = with_backend(own, backend, images)
    assert torch.allclose(other.scores(images), own.scores(images), atol=1e-5)


@pytest.mark.shared
def test_an_onnx_file_is_read_by_openvino(shared: Path) -> None:
    pytest.importorskip("openvino", reason=f"openvino is not installed: {conversion.HOW}")
    own = load("oracles", "onnx", {"path": str(shared / "resnet20_cifar10.onnx")})()
    images = load_images("sample[0:8]").floats()
    assert list(own.backends) == ["openvino"]
    found, expected = with_backend(own, "openvino", images).scores(images), own.scores(images)
    assert torch.allclose(found, expected, atol=1e-3) and torch.equal(found.argmax(1), expected.argmax(1))


def probes() -> Tensor:
    return (torch.rand(3, 3, 6, 6, generator=torch.Generator().manual_seed(0)) * 255).round() / 255


def own_scores(images: Tensor) -> Tensor:
    return images.flatten(1)[:, :5] + torch.arange(5)


def beside(images: Tensor) -> Tensor:
    """An image's scores depend on its place."""
    return own_scores(images) + 1e-6 * torch.arange(len(images))[:, None]


def failing(images: Tensor) -> Tensor:
    raise RuntimeError("no such kernel")


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (lambda images: own_scores(images) * 1.001, "other scores than the oracle itself, by 0.001"),
        (lambda images: own_scores(images) * torch.nan, "other scores than the oracle itself, by nan"),
        (beside, "gives an image other scores beside other images"),
        (failing, "backend fake failed: RuntimeError: no such kernel"),
    ],
)
def test_a_backend_that_does_not_agree_is_refused(scores: Network, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LibraryBackend("fake", own_scores, lambda _: scores)(probes())


def test_a_network_is_converted_once_for_a_size() -> None:
    shapes: list[tuple[int, int, int]] = []

    def convert(shape: tuple[int, int, int]) -> Callable[[Tensor], Tensor]:
        shapes.append(shape)
        return own_scores

    made = LibraryBackend("fake", own_scores, convert)
    for side in (6, 6, 7, 6):
        scores, block = made(torch.zeros(2, 3, side, side))
        assert (
            callable(block)
            and block(torch.zeros(2, 3, side, side)) == 1
            and scores(torch.zeros(2, 3, side, side)).shape
            == (
                2,
                5,
            )
        )
    assert shapes == [(3, 6, 6), (3, 7, 7)]


def test_a_network_whose_weights_have_changed_is_converted_again() -> None:
    network, found = nn.Linear(1, 1), list[float]()

    def convert(_: tuple[int, int, int]) -> Callable[[Tensor], Tensor]:
        weight = float(network.weight.detach())
        found.append(weight)
        return lambda images: own_scores(images) * weight

    def own(images: Tensor) -> Tensor:
        return own_scores(images) * float(network.weight.detach())

    made = LibraryBackend("fake", own, convert, partial(stamp, network))
    for weight in (1.0, 1.0, 2.0, 2.0):
        if weight != float(network.weight.detach()):
            nn.init.constant_(network.weight, weight)
        scores, _ = made(probes())
        assert torch.equal(scores(probes()), own_scores(probes()) * weight)
    assert found == [1.0, 2.0]


@pytest.mark.parametrize(("name", "package"), [("openvino", "openvino"), ("onnxruntime", "onnxscript")])
def test_what_is_not_installed_is_named(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "find_spec", lambda one: None if one == package else find_spec("torch"))
    oracle = load("oracles", "allconv-small")()
    with pytest.raises(InputError, match=rf"backend {name} needs {package}: pip install .*backends"):
        with_backend(oracle, name, given().images)


@pytest.mark.parametrize("spec", ["digits-forest", "bfloat16(oracle=allconv-small)", "labels(oracle=nin)"])
def test_other_oracles_have_none(spec: str) -> None:
    oracle = Classifier.of(load("oracles", spec)())
    with pytest.raises(
        InputError, match="has no backend openvino, only eager: other libraries compute torch"
    ):
        with_backend(oracle, "openvino", given().images)


def test_an_unknown_backend_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="no backend tensorrt, only eager, openvino, onnxruntime"):
        with_backend(load("oracles", "allconv-small")(), "tensorrt", given().images)
