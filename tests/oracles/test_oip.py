"""A model behind the Open Inference Protocol: what is sent, what is read, and what is refused."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_server import CLASSES, LENGTH, OipServer, Reply, linear_model, serving
from numpy.typing import NDArray

from sparseattack import Classifier, Experiment, InputError, OracleError, compare, levels, load
from sparseattack.study.record import Record

linear = linear_model(12)
IMAGES = levels(torch.randint(256, (7, 3, 2, 2), generator=torch.Generator().manual_seed(1)))


def expected(images: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(linear(images).astype(np.float32))


@pytest.fixture
def server() -> Iterator[OipServer]:
    """A linear model of 2x2 colour images."""
    with serving(OipServer(model=linear, shape=[-1, 3, 2, 2])) as served:
        yield served


def oracle(server: OipServer, settings: str = "") -> Classifier:
    made = load("oracles", f"oip(url={server.url},model=m{',' * bool(settings)}{settings})")()
    assert isinstance(made, Classifier)
    return made


def test_scores_are_those_of_the_model(server: OipServer) -> None:
    made = oracle(server)
    assert torch.equal(made(IMAGES), expected(IMAGES.numpy()))
    assert made.shape == (3, 2, 2) and made.name == f"m at {server.url.removeprefix('http://')}"
    assert server.images == 7 and len(server.requests) == 2  # the first image is asked alone
    assert all(LENGTH.lower() in map(str.lower, headers) for headers in server.requests)
    assert torch.equal(made(IMAGES.flip(0)), expected(IMAGES.flip(0).numpy())) and server.images == 7


def test_a_server_without_bytes_is_sent_json_after_one_try(server: OipServer) -> None:
    server.binary = False
    made = oracle(server)
    with made.buying_for(["run"] * 7):
        assert torch.equal(made(IMAGES), expected(IMAGES.numpy()))
    kinds = [headers["Content-Type"] for headers in server.requests]
    assert kinds == ["application/octet-stream", "application/json", "application/json"]
    assert made.remote is not None and made.remote.bought_for("run") == (7, 8)  # a try was refused
    assert made.remote.statement().startswith("8 images were sent to 127")


def test_bytes_and_json_say_the_same(server: OipServer) -> None:
    scores = [oracle(server, f"binary={binary}")(IMAGES) for binary in ("yes", "no")]
    assert torch.equal(*scores) and len({headers["Content-Type"] for headers in server.requests}) == 2
    assert np.array_equal(server.shown[0], server.shown[2])


FORMS: dict[str, tuple[dict[str, Any], str, Any]] = {
    "8 bit": ({"datatype": "UINT8"}, "", lambda x: x * 255),
    "channels last": ({"shape": [-1, 2, 2, 3]}, "", lambda x: x.transpose(0, 2, 3, 1)),
    "channels last, any size": (
        {"shape": [-1, -1, -1, -1]},
        "layout=nhwc",
        lambda x: x.transpose(0, 2, 3, 1),
    ),
    "up to 255": ({}, "range=255", lambda x: (x * 255).round()),
    "normalised": ({}, "mean=[0.5],std=[0.25]", lambda x: (x - np.float32(0.5)) / np.float32(0.25)),
    "doubles": ({"datatype": "FP64", "score_type": "FP64"}, "", lambda x: x),
    "fixed to 3": ({"shape": [3, 3, 2, 2]}, "", lambda x: x),
    "one by one": ({}, "batch=1,concurrency=3", lambda x: x),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("binary", ["yes", "no"])
def test_images_are_sent_as_the_model_takes_them(form: str, binary: str) -> None:
    facts, settings, prepare = FORMS[form]
    with serving(OipServer(model=linear, **{"shape": [-1, 3, 2, 2], **facts})) as server:
        made = oracle(server, f"binary={binary}{',' * bool(settings)}{settings}")
        want = expected(prepare(IMAGES.numpy()))
        assert torch.allclose(made(IMAGES), want, rtol=1e-6, atol=1e-3)
        if server.datatype == "UINT8":
            assert all(shown.dtype == np.uint8 for shown in server.shown)
        if form == "fixed to 3":
            assert {len(shown) for shown in server.shown} == {3}
        if form == "one by one":
            assert len(server.requests) == 7 and made.rounding == 0


def test_requests_are_split_by_bytes() -> None:
    large = levels(torch.randint(256, (40, 3, 96, 96), generator=torch.Generator().manual_seed(1)))
    with serving(OipServer(model=lambda x: x.reshape(len(x), -1)[:, :3], shape=[-1, 3, 96, 96])) as server:
        oracle(server, "batch=40")(large)
        assert [len(shown) for shown in server.shown].count(37) == 1  # 4 MiB of 110,592 bytes an image
        assert server.images == 40


ANSWERS: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"<html>hello</html>", "answered what is no JSON"),
    "no object": (b"[1, 2]", "JSON that is no object"),
    "another output": (b'{"outputs": [{"name": "labels", "data": [1]}]}', "without the output scores"),
    "too few": (b'{"outputs": [{"name": "scores", "datatype": "FP32", "data": []}]}', "answered scores FP32"),
    "text": (b'{"outputs": [{"name": "scores", "datatype": "FP32", "data": ["a"]}]}', "do not fit"),
    "NaN": (b'{"outputs": [{"name": "scores", "datatype": "FP32", "data": [1, NaN]}]}', "NaN or infinite"),
    "huge": (
        b'{"outputs": [{"name": "scores", "datatype": "FP32", "data": [1, 1%s]}]}' % (b"0" * 400),
        "do not fit",
    ),
    "cut off": (b'{"outputs": [{"name": "sco', "answered what is no JSON"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_malformed_answer_is_an_error_and_is_not_kept(server: OipServer, answer: str) -> None:
    body, sentence = ANSWERS[answer]
    server.failures = [Reply(body=body)]
    made = oracle(server, "binary=no")
    with pytest.raises(OracleError, match=sentence):
        made(IMAGES[:1])
    assert torch.equal(made(IMAGES[:1]), expected(IMAGES[:1].numpy()))  # it is asked again


def test_bytes_of_an_unknown_type_are_an_error(server: OipServer) -> None:
    head = b'{"outputs": [{"name": "scores", "datatype": "BF16", "parameters": {"binary_data_size": 8}}]}'
    length = {"Inference-Header-Content-Length": str(len(head))}
    server.failures = [Reply(body=head + b"12345678", headers=length)]
    with pytest.raises(OracleError, match=r"as bytes: only INT8, .*FP64 can be read"):
        oracle(server, "binary=no")(IMAGES[:1])


def test_a_row_for_other_than_each_image_is_an_error() -> None:
    """Of a model that takes two images at a time, and answers one: half of its scores are no image's."""
    one_row = OipServer(model=lambda images: linear(images[:1]), shape=[2, 3, 2, 2])
    for binary in ("yes", "no"):
        with serving(one_row) as server, pytest.raises(OracleError, match=r"\[1, 4\] to 2 images"):
            oracle(server, f"binary={binary}")(IMAGES[:2])


def test_another_number_of_classes_is_an_error(server: OipServer) -> None:
    made = oracle(server)
    made(IMAGES[:2])
    server.model = lambda images: linear(images)[:, :3]
    with pytest.raises(OracleError, match="answered 3 scores after 4"):
        made(IMAGES[2:])


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no such model": ({}, "model=n", "has no model n: it answers 404 to v2/models/n .*model not found"),
    "pictures": ({"datatype": "BYTES", "shape": [-1]}, "", "encoded pictures are sent by http"),
    "no batch": ({"shape": [-1, 12]}, "", "not one batch of images of four dimensions"),
    "labels": (
        {"score_type": "INT64"},
        "",
        r"is no scores: set scale=labels and classes=\[...\], the names in order or how many",
    ),
    "text": ({"score_type": "BYTES"}, "scale=labels", "is no scores: a number a class is read"),
    "no such input": ({}, "input=x", "has the inputs images FP32 .*: choose the images by input=NAME"),
    "no such output": ({}, "output=x", "choose the scores by output=scores"),
    "range of bytes": ({"datatype": "UINT8"}, "range=255", "leave out mean, std and range"),
    "range and mean": ({}, "range=255,mean=[0.5]", "leave out range"),
    "no batch size": ({}, "batch=0", "batch is at least 1"),
    "no concurrency": ({}, "concurrency=0", "concurrency is greater than 0"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(what: str) -> None:
    facts, settings, sentence = REFUSED[what]
    with serving(OipServer(model=linear, **{"shape": [-1, 3, 2, 2], **facts})) as server:
        settings = settings if settings.startswith("model=") else f"model=m,{settings}"
        with pytest.raises(InputError, match=sentence):
            load("oracles", f"oip(url={server.url},{settings.rstrip(',')})")()
        assert server.requests == []


LABELS: dict[str, tuple[dict[str, Any], Any]] = {
    "numbers of classes": ({"score_type": "INT64"}, lambda x: linear(x).argmax(1)),
    "in a column": ({"score_type": "INT32"}, lambda x: linear(x).argmax(1)[:, None]),
    "floats": ({}, lambda x: linear(x).argmax(1)),
    "rows": ({"score_type": "UINT8"}, lambda x: np.eye(CLASSES)[linear(x).argmax(1)]),
}


@pytest.mark.parametrize("binary", ["yes", "no"])
@pytest.mark.parametrize("what", LABELS)
def test_a_label_alone_is_read(what: str, binary: str, tmp_path: Path) -> None:
    """As the number of a class, or a row of 0 and 1; and the classes may be said by how many there are."""
    facts, model = LABELS[what]
    with serving(OipServer(model=model, shape=[-1, 3, 2, 2], **facts)) as server:
        for classes in ("[a,b,c,d]", "4"):
            found = oracle(server, f"scale=labels,classes={classes},binary={binary}")(IMAGES)
            assert torch.equal(found.argmax(1), expected(IMAGES.numpy()).argmax(1))
            assert found.shape == (7, 4) and found.sum() == 7


def test_a_label_that_is_none_is_an_error() -> None:
    with serving(OipServer(model=lambda x: np.full(len(x), 7), shape=[-1, 3, 2, 2])) as server:
        with pytest.raises(OracleError, match="answered 7, the number of none of the 4 classes="):
            oracle(server, "scale=labels,classes=4")(IMAGES)
        with pytest.raises(OracleError, match="answered 7 alone, the number of a class: name the classes"):
            oracle(server, "scale=labels")(IMAGES)


def test_a_server_that_is_not_there(server: OipServer) -> None:
    gone = replace(server, url="http://127.0.0.1:1")
    with pytest.raises(OracleError, match=r"127.0.0.1:1 cannot be reached: ConnectError"):
        oracle(gone)


def result(record: Record) -> dict[str, Any]:
    """What a run is, whoever evaluated it."""
    beside = ("key", "oracle_seconds", "strategy_seconds", "environment", "attempts")
    return {name: value for name, value in record.to_dict().items() if name not in beside}


@pytest.mark.shared
def test_a_served_network_is_attacked_as_its_file_is(shared: Path, tmp_path: Path) -> None:
    """Query by query: the same edits, values and successes, and the course of every search."""
    import onnxruntime

    file = shared / "resnet20_cifar10.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options)

    def model(images: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(session.run(None, {"images": images})[0])

    chosen = Experiment(
        images="sample[0:2]", strategies=("de(popsize=10)", "sparse-rs"), budget=40, pixels=(3,)
    )
    local = compare(replace(chosen, oracle=f"onnx(path={file},threads=1)"), tmp_path / "local.study")
    with serving(OipServer(model=model, shape=[-1, 3, 32, 32])) as server:
        remote = compare(replace(chosen, oracle=f"oip(url={server.url},model=m)"), tmp_path / "remote.study")
    assert [result(one) for one in remote.records] == [result(one) for one in local.records]
    assert len(remote.records) == 4 and all(one.attempts > one.shown > 0 for one in remote.records)
    assert all(one.shown == one.queries - one.repeats and not one.attempts for one in local.records)
    assert json.loads(remote.to_json())["table"][0]["attempts"] > 0
