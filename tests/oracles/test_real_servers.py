"""KServe's Python server and MLServer serve a public network, which is attacked as its file is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from real_servers import PACKAGES, Addresses, running

from sparseattack import Classifier, Experiment, InputError, OracleError, compare, load, load_images
from sparseattack.study.record import Record

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module", params=PACKAGES)
def server(
    request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    """The addresses of a real server of the ResNet-20."""
    folder = tmp_path_factory.mktemp(request.param)
    with running(request.param, shared / "resnet20_cifar10.onnx", folder) as found:
        yield found


def result(record: Record) -> dict[str, Any]:
    """What a run is, whoever evaluated it."""
    beside = ("key", "oracle_seconds", "strategy_seconds", "environment", "attempts")
    return {name: value for name, value in record.to_dict().items() if name not in beside}


def test_scores_are_those_of_the_file(server: Addresses, shared: Path) -> None:
    images = load_images("sample[0:64]").floats()
    file = load("oracles", f"onnx(path={shared / 'resnet20_cifar10.onnx'},threads=1)")()
    for binary in ("auto", "no"):
        served = load("oracles", f"oip(url={server.http},model=resnet20,binary={binary})")()
        assert isinstance(served, Classifier) and served.shape == (3, 32, 32)
        assert torch.allclose(served(images), file(images), rtol=1e-5, atol=1e-4)


def test_a_comparison_is_that_of_the_file_query_by_query(
    server: Addresses, shared: Path, tmp_path: Path
) -> None:
    chosen = Experiment(
        images="sample[0:3]", strategies=("de(popsize=10)", "sparse-rs"), budget=60, pixels=(3,)
    )
    file = f"onnx(path={shared / 'resnet20_cifar10.onnx'},threads=1)"
    local = compare(replace(chosen, oracle=file), tmp_path / "local.study")
    remote = compare(
        replace(chosen, oracle=f"oip(url={server.http},model=resnet20)"), tmp_path / "remote.study"
    )
    assert [result(one) for one in remote.records] == [result(one) for one in local.records]


def test_scores_over_grpc_are_those_over_http(server: Addresses) -> None:
    pytest.importorskip("grpc")
    if not server.grpc:
        pytest.skip("this server's gRPC listens on all addresses")
    images = load_images("sample[0:64]").floats()
    over_http = load("oracles", f"oip(url={server.http},model=resnet20)")()
    over_grpc = load("oracles", f"oip(url={server.grpc},model=resnet20)")()
    assert torch.equal(over_grpc(images), over_http(images))
    with pytest.raises(InputError, match="has no model resnet21: it answers 404"):
        load("oracles", f"oip(url={server.grpc},model=resnet21)")()


def test_what_a_real_server_refuses_is_said(server: Addresses) -> None:
    with pytest.raises(InputError, match="has no model resnet21: it answers 404"):
        load("oracles", f"oip(url={server.http},model=resnet21)")()
    wrong = load("oracles", f"oip(url={server.http},model=resnet20,layout=nhwc,binary=no)")()
    wrong = replace(wrong, shape=(None, None, None))
    with pytest.raises(OracleError, match="answered 2 times 500 Internal Server Error"):
        wrong(torch.zeros(1, 5, 4, 3))
