"""A model behind the Open Inference Protocol over gRPC: the same answers as over HTTP, kept alike."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

grpc = pytest.importorskip("grpc")

from grpc_server import Failure, GrpcServer, serving_grpc  # noqa: E402
from model_server import OipServer, linear_model, serving  # noqa: E402

from sparseattack import (  # noqa: E402
    Classifier,
    Experiment,
    InputError,
    OracleError,
    compare,
    levels,
    load,
)
from sparseattack.study.record import Record  # noqa: E402

linear = linear_model(12)
IMAGES = levels(torch.randint(256, (30, 3, 2, 2), generator=torch.Generator().manual_seed(1)))
Code = grpc.StatusCode


EXPECTED = torch.from_numpy(linear(IMAGES.numpy()).astype(np.float32))


@pytest.fixture
def server() -> Iterator[GrpcServer]:
    with serving_grpc(GrpcServer(model=linear, shape=[-1, 3, 2, 2])) as served:
        yield served


def oracle(server: GrpcServer, settings: str = "") -> Classifier:
    made = load("oracles", f"oip(url={server.url},model=m{',' * bool(settings)}{settings})")()
    assert isinstance(made, Classifier)
    return made


FORMS: dict[str, dict[str, Any]] = {
    "bytes": {},
    "numbers": {"raw": False},
    "doubles as numbers": {"raw": False, "score_type": "FP64"},
    "channels last": {"shape": [-1, 2, 2, 3]},
    "8 bit": {"datatype": "UINT8"},
    "halves": {"datatype": "FP16"},
    "fixed to 3": {"shape": [3, 3, 2, 2]},
}


@pytest.mark.parametrize("form", FORMS)
def test_scores_are_those_over_http(form: str) -> None:
    """Bit by bit, from the same tensors."""
    facts = {"shape": [-1, 3, 2, 2], **FORMS[form]}
    with serving_grpc(GrpcServer(model=linear, **facts)) as server:
        scores = oracle(server, "concurrency=1")(IMAGES[:8])
    plain = {name: value for name, value in facts.items() if name != "raw"}
    with serving(OipServer(model=linear, **plain)) as over_http:
        same = load("oracles", f"oip(url={over_http.url},model=m,binary=yes,concurrency=1)")()(IMAGES[:8])
    assert torch.equal(scores, same) and len(set(scores.ravel().tolist())) > 8
    assert [shown.tolist() for shown in server.shown] == [shown.tolist() for shown in over_http.shown]


def test_a_label_alone_is_read() -> None:
    labels = GrpcServer(
        model=lambda x: linear(x).argmax(1), shape=[-1, 3, 2, 2], score_type="INT64", raw=False
    )
    with serving_grpc(labels) as server:
        made = oracle(server, "scale=labels,classes=[a,b,c,d]")
        assert torch.equal(made(IMAGES).argmax(1), EXPECTED.argmax(1)) and made(IMAGES).sum() == 30


FAILURES: dict[str, list[Failure]] = {
    "unavailable": [Failure(Code.UNAVAILABLE)],
    "a backend of the server": [Failure(Code.UNAVAILABLE, "failed to connect to all addresses")],
    "too many requests": [Failure(Code.RESOURCE_EXHAUSTED)],
    "with a time": [Failure(Code.RESOURCE_EXHAUSTED, pushback=50)],
    "broken once": [Failure(Code.INTERNAL)],
    "slow": [Failure(Code.CANCELLED, wait=2.5)],
    "many": [Failure(Code.UNAVAILABLE), Failure(Code.UNKNOWN), Failure(Code.RESOURCE_EXHAUSTED)],
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("failure", FAILURES)
def test_failures_that_pass_change_no_score(server: GrpcServer, failure: str) -> None:
    made = oracle(server, f"batch=20,timeout={2 if failure == 'slow' else 30}")
    made(IMAGES[:1])
    server.failures = list(FAILURES[failure])
    assert torch.equal(made(IMAGES[1:21]), EXPECTED[1:21])
    more = len(FAILURES[failure])
    assert made.remote and made.remote.statement().startswith(f"{1 + 20 * (1 + more)} images were sent")
    assert len(server.metadata) == 2 + more and len({one["idempotency-key"] for one in server.metadata}) == 2


GIVEN_UP: dict[str, tuple[list[Failure], str]] = {
    "not allowed": (
        [Failure(Code.UNAUTHENTICATED, "who?")],
        r"answered 401 UNAUTHENTICATED: who\?.*\{API_KEY\}",
    ),
    "not understood": ([Failure(Code.INVALID_ARGUMENT, "what?")], r"answered 400 INVALID_ARGUMENT: what\?"),
    "broken": ([Failure(Code.UNKNOWN)] * 2, "answered 2 times 500 UNKNOWN: as told"),
    "too large": (
        [Failure(Code.RESOURCE_EXHAUSTED, "Received message larger than max (5 vs. 4)")],
        "answered 413 RESOURCE_EXHAUSTED: Received message larger than max",
    ),
    "too long a pause": (
        [Failure(Code.RESOURCE_EXHAUSTED, pushback=900_000)],
        "to be asked again in 900 s",
    ),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("failure", GIVEN_UP)
def test_others_end_it_in_a_sentence(server: GrpcServer, tmp_path: Path, failure: str) -> None:
    server.failures, sentence = list(GIVEN_UP[failure][0]), GIVEN_UP[failure][1]
    made = oracle(server, f"ledger={tmp_path}/a.ledger")
    with pytest.raises(OracleError, match=rf"{sentence}.*are kept in .*a.ledger"):
        made(IMAGES[:2])
    assert torch.equal(made(IMAGES[:2]), EXPECTED[:2])


@pytest.mark.usefixtures("quick")
def test_a_server_that_is_down_has_seen_nothing(tmp_path: Path) -> None:
    with serving_grpc(GrpcServer(model=linear, shape=[-1, 3, 2, 2])) as server:
        oracle(server, f"ledger={tmp_path}/a.ledger")(IMAGES[:3])
    again = oracle(server, f"patience=1,ledger={tmp_path}/a.ledger")  # what the model is like, is known
    with pytest.raises(OracleError, match=r"did not answer, \d times: ConnectError"):
        again(IMAGES[:5])
    assert again.remote and again.remote.statement().startswith("3 images were sent")
    with pytest.raises(OracleError, match="cannot be reached: ConnectError"):
        oracle(server)


def test_one_ledger_of_a_label_serves_both_protocols(server: GrpcServer, tmp_path: Path) -> None:
    both = f"label=mine,ledger={tmp_path}/a.ledger"
    oracle(server, both)(IMAGES)
    with serving(OipServer(model=linear, shape=[-1, 3, 2, 2])) as over_http:
        made = load("oracles", f"oip(url={over_http.url},model=m,reprobe=0,{both})")()
        assert torch.equal(made(IMAGES), EXPECTED)
        assert over_http.requests == []


def test_secrets_go_into_metadata_and_into_no_message(
    server: GrpcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_KEY", "s3cret-value")
    server.failures = [Failure(Code.PERMISSION_DENIED, "s3cret-value is no key")]
    made = oracle(server, 'headers="Authorization: Bearer {MODEL_KEY}"')
    with pytest.raises(OracleError, match=r"\{MODEL_KEY\} is no key") as caught:
        made(IMAGES[:1])
    assert server.metadata[0]["authorization"] == "Bearer s3cret-value" and "s3cret" not in str(caught.value)


REFUSED = {
    "model=n": "has no model n: it answers 404 to v2/models/n .model not found",
    "model=m,binary=no": "gRPC sends tensors as bytes: leave out binary",
}


@pytest.mark.parametrize("settings", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(server: GrpcServer, settings: str) -> None:
    with pytest.raises(InputError, match=REFUSED[settings]):
        load("oracles", f"oip(url={server.url},{settings})")()


@pytest.mark.parametrize("url", ["grpc://127.0.0.1", "grpc://127.0.0.1:1/v2", "grpcs://127.0.0.1:1?key={A}"])
def test_an_address_is_host_and_port(url: str) -> None:
    with pytest.raises(InputError, match=r"an address of gRPC is grpcs?://HOST:PORT and no more"):
        load("oracles", f"oip(url={url},model=m)")()
    with pytest.raises(InputError, match="of http, https, not"):
        load("oracles", f"http(url={url})")()


def result(record: Record) -> dict[str, Any]:
    """What a run is, whoever evaluated it."""
    beside = ("key", "oracle_seconds", "strategy_seconds", "environment")
    return {name: value for name, value in record.to_dict().items() if name not in beside}


@pytest.mark.shared
def test_a_comparison_is_that_over_http_query_by_query(shared: Path, tmp_path: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(shared / "resnet20_cifar10.onnx", options)

    def model(images: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(session.run(None, {"images": images})[0])

    chosen = Experiment(
        images="sample[0:2]", strategies=("de(popsize=10)", "sparse-rs"), budget=20, pixels=(3,)
    )
    with serving(OipServer(model=model, shape=[-1, 3, 32, 32])) as over_http:
        first = compare(replace(chosen, oracle=f"oip(url={over_http.url},model=m)"), tmp_path / "http.study")
    with serving_grpc(GrpcServer(model=model, shape=[-1, 3, 32, 32])) as server:
        second = compare(replace(chosen, oracle=f"oip(url={server.url},model=m)"), tmp_path / "grpc.study")
    assert [result(one) for one in second.records] == [result(one) for one in first.records]
    assert len(second.records) == 4 and json.loads(second.to_json())["table"][0]["attempts"] > 0
