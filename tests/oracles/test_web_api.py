"""Any API: what is sent, what is read of an answer, and what is refused."""

import json
import math
from base64 import b64decode
from email import message_from_bytes
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_server import JsonServer, serving
from PIL import Image

from sparseattack import Classifier, Experiment, InputError, OracleError, compare, levels, load
from sparseattack.data.load import load_images
from sparseattack.oracles.remote.class_scores import class_names
from sparseattack.problem.fitness import margin_of

PIXELS = np.random.default_rng(2).integers(256, size=(3, 5, 4, 3), dtype=np.uint8)
IMAGES = levels(torch.from_numpy(PIXELS).permute(0, 3, 1, 2))
NAMES = ("ant", "bee", "cat", "dog")


def oracle(server: JsonServer, settings: str) -> Classifier:
    made = load("oracles", f"http(url={server.url}/classify,{settings})")()
    assert isinstance(made, Classifier)
    return made


def picture(content: bytes) -> list[float]:
    """Three scores that depend on every colour of a picture in bytes."""
    colours = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
    return [float(colours[..., channel].mean()) for channel in range(3)]


MEANS = torch.from_numpy(PIXELS.reshape(3, -1, 3).mean(1))


def in_field(body: bytes, _: dict[str, str]) -> Any:
    return {"scores": picture(b64decode(json.loads(body)["image"]))}


def in_list(body: bytes, _: dict[str, str]) -> Any:
    return {"predictions": [picture(b64decode(one["b64"])) for one in json.loads(body)["instances"]]}


def numbers(body: bytes, _: dict[str, str]) -> Any:
    pixels = np.array(json.loads(body)["pixels"])
    return {"out": {"scores": [pixels.mean((1, 2)).tolist()]}}


def whole(body: bytes, headers: dict[str, str]) -> Any:
    return {"scores": picture(body)} if headers["Content-Type"] == "image/png" else {}


def form(body: bytes, headers: dict[str, str]) -> Any:
    parsed = message_from_bytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    _, part = parsed.walk()
    assert part.get_param("name", header="content-disposition") == "file"
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return {"scores": picture(content)}


def raw(body: bytes, _: dict[str, str]) -> Any:
    return np.frombuffer(body, np.uint8).reshape(5, 4, 3).mean((0, 1)).tolist()


FORMS = {
    "a field": (in_field, "image=image"),
    "a list": (in_list, "image=instances[*].b64,scores=predictions[*],batch=2"),
    "a list of one": (in_list, "image=instances[0].b64,scores=predictions[0]"),
    "numbers": (numbers, "send=json,image=pixels,layout=nchw,scores=out.scores[0]"),
    "a body": (whole, "image=body"),
    "a form": (form, "image=form:file"),
    "raw bytes": (raw, 'send=raw,image=body,scores=""'),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_image_arrives_exactly(name: str) -> None:
    answer, settings = FORMS[name]
    with serving(JsonServer(answer=answer)) as server:
        made = oracle(server, f"{settings},scale=logits")
        assert torch.allclose(made(IMAGES), MEANS, rtol=1e-12)
        assert len(server.requests) == (2 if name == "a list" else 3)
        assert made.rounding == (None if name == "a list" else 0)


def test_a_jpeg_is_of_its_quality() -> None:
    with serving(JsonServer(answer=in_field)) as server:
        oracle(server, "send=jpeg:95")(IMAGES)
        content = b64decode(json.loads(server.bodies[0])["image"])
        with Image.open(BytesIO(content)) as opened:
            assert opened.format == "JPEG" and opened.size == (4, 5)
        file = BytesIO()
        Image.fromarray(PIXELS[0]).save(file, "JPEG", quality=95)
        assert content == file.getvalue()


def test_numbers_may_go_up_to_one() -> None:
    with serving(JsonServer(answer=lambda *_: {"scores": [1, 2]})) as server:
        oracle(server, "send=json,range=1")(IMAGES[:1])
        sent = np.array(json.loads(server.bodies[0])["image"])
        assert np.array_equal(sent, PIXELS[0] / 255)


def _labelled(name: str, score: float) -> dict[str, Any]:
    return {"description": name, "score": score}


def test_a_request_from_a_file(tmp_path: Path) -> None:
    """As Google's: a list of requests, each with its features."""
    feature = {"type": "LABEL_DETECTION", "maxResults": 2}
    one = {"image": {"content": "{image}"}, "features": [feature]}
    (tmp_path / "body.json").write_text(json.dumps({"requests": [one], "model": "builtin/latest"}))
    (tmp_path / "names.txt").write_text("\n".join(NAMES))

    def answer(body: bytes, _: dict[str, str]) -> Any:
        asked = json.loads(body)
        assert asked["model"] == "builtin/latest" and all(
            each["features"] == [feature] for each in asked["requests"]
        )
        found = [picture(b64decode(each["image"]["content"])) for each in asked["requests"]]
        return {
            "responses": [
                {
                    "labelAnnotations": [
                        {"description": "cat", "score": x / 300},
                        {"description": "ant", "score": y / 300},
                    ]
                }
                for x, y, _ in found
            ]
        }

    paths = "responses[*].labelAnnotations[*]"
    with serving(JsonServer(answer=answer)) as server:
        made = oracle(
            server,
            f"body={tmp_path}/body.json,batch=3,scores={paths}.score,labels={paths}.description,"
            f"classes={tmp_path}/names.txt,scale=logits",
        )
        scores = made(IMAGES)
        assert made.classes == NAMES and len(server.requests) == 2
        assert torch.allclose(scores[:, [2, 0]], MEANS[:, :2] / 300)
        assert (scores[:, [1, 3]].amax(1) < scores[:, [0, 2]].amin(1)).all()


ANSWERS: dict[str, tuple[str, Any, list[float]]] = {
    "all scores": ("", {"scores": [0.25, 0.5, 0.25]}, [0.25, 0.5, 0.25]),
    "percent": ("percent=yes", {"scores": [25, 50, 25]}, [0.25, 0.5, 0.25]),
    "by name": ("classes=[ant,bee,cat]", {"scores": {"cat": 0.5, "ant": 0.2, "bee": 0.3}}, [0.2, 0.3, 0.5]),
    "top 2": (
        "scores=[*].score,labels=[*].label,classes=[ant,bee,cat,dog]",
        [{"label": "cat", "score": 0.7}, {"label": "ant", "score": 0.2}],
        [0.2, 0.05, 0.7, 0.05],
    ),
    "top 1": ("labels=labels,classes=4", {"labels": [1], "scores": [0.25]}, [0.25, 0.25, 0.25, 0.25]),
    "numbers as text": ("labels=labels,classes=2", {"labels": ["1", "0"], "scores": [0.7, 0.3]}, [0.3, 0.7]),
    "several labels": (
        "labels=l,scores=s,classes=[ant,bee,cat],others=ignore",
        {"l": ["insect", "bee", "ant"], "s": [0.99, 0.9, 0.8]},
        [0.8, 0.9, 0.8],
    ),
    "none": ("labels=labels,classes=3", {"labels": [], "scores": []}, [0, 0, 0]),
    "rounded up": (
        "labels=labels,classes=4,scale=probabilities",
        {"labels": [1, 2], "scores": [0.901, 0.1]},
        [0, 0.901, 0.1, 0],
    ),
    "logits of some": ("labels=l,scores=s,classes=3", {"l": [2, 1], "s": [9, 5]}, [5, 5, 9]),
    "logits of some, one below 0": ("labels=l,scores=s,classes=3", {"l": [2, 1], "s": [5, -3]}, [-3, -3, 5]),
    "a name alone": ("labels=l,scale=labels,classes=[ant,bee,cat]", {"l": "bee"}, [0, 1, 0]),
    "a number alone": ("labels=l,scale=labels,classes=3", {"l": 2}, [0, 0, 1]),
    "a list of one name": ("labels=l,scale=labels,classes=[ant,bee]", {"l": ["ant"]}, [1, 0]),
    "one score": ("scale=binary-probability", {"scores": 0.25}, [0.75, 0.25]),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_scores_are_read(name: str) -> None:
    settings, answer, expected = ANSWERS[name]
    with serving(JsonServer(answer=lambda *_: answer)) as server:
        (scores,) = oracle(server, settings or "batch=1")(IMAGES[:1]).tolist()
    assert scores == pytest.approx(expected, abs=1e-12)
    if name in ("top 1", "several labels"):  # what is not given is below all that is
        given = scores[1] if name == "top 1" else min(scores[:2])
        others = [scores[0], *scores[2:]] if name == "top 1" else scores[2:]
        assert all(other < given for other in others)


def test_a_class_that_is_not_among_the_first_is_no_success_by_chance() -> None:
    """The true class is missing: the image is fooled, by less than nothing is missing."""
    with serving(JsonServer(answer=lambda *_: {"labels": [1, 2], "scores": [0.5, 0.5]})) as server:
        scores = oracle(server, "labels=labels,classes=3")(IMAGES[:1])
    assert scores[0, 0] == 0 and scores[0, 1] == scores[0, 2]


WRONG: dict[str, tuple[str, Any, str]] = {
    "no such field": ("", {"score": [1, 2]}, r'answered without scores: \{"score"'),
    "text": ("", {"scores": ["a"]}, "where scores are expected, which are numbers"),
    "truth values": ("", {"scores": [True, False]}, "where scores are expected, which are numbers"),
    "NaN": ("", {"scores": [1, math.nan]}, "NaN or infinite"),
    "a number beyond all floats": ("", {"scores": [10**400, 1]}, "too large for a score"),
    "unknown label": ("classes=[ant,bee]", {"scores": {"cow": 1}}, 'the label "cow", none of classes='),
    "labels without classes": ("", {"scores": {"cow": 1}}, "name all classes, in order, by classes="),
    "a class twice": ("labels=l,classes=3", {"scores": [1, 2], "l": [1, 1]}, "two scores of the class 1"),
    "a name of two classes": (
        "classes=[crane,cat,crane]",
        {"scores": {"crane": 1}},
        'the label "crane", the name of 2',
    ),
    "other lengths": ("labels=l,classes=3", {"scores": [1, 2], "l": [1]}, "not as many"),
    "too few": ("image=x[*],scores=y[*]", {"y": []}, "answered 1 images with 0 elements at y"),
    "no list": ("image=x[*],scores=y[*]", {"y": 5}, "answered 1 images with 5 at y"),
    "several names alone": (
        "labels=l,scale=labels,classes=3",
        {"l": [1, 2]},
        "the name or number of a class",
    ),
    "a name of no class": (
        "labels=l,scale=labels,classes=[ant,bee],others=ignore",
        {"l": "cow"},
        'the label "cow" alone, none of classes=',
    ),
    "no list of classes": ("scores=[*].score,labels=[*].label", {"a": 1}, "expect a list"),
}


@pytest.mark.parametrize("name", WRONG)
def test_another_answer_is_an_error(name: str) -> None:
    settings, answer, sentence = WRONG[name]
    with serving(JsonServer(answer=lambda *_: answer)) as server, pytest.raises(OracleError, match=sentence):
        oracle(server, settings or "batch=1")(IMAGES[:1])


REFUSED = {
    "a form of images": ("send=gif", "send is png, jpeg:QUALITY"),
    "a quality": ("send=jpeg:0", "send is png, jpeg:QUALITY"),
    "a quality of png": ("send=png:9", "send is png, jpeg:QUALITY"),
    "a path": ("scores=a..[b]", "scores is a path in JSON"),
    "a batch": ("batch=2", "batch=2 needs a list of images"),
    "a list of answers": ("image=x[*]", "scores has the list of answers"),
    "numbers in a body": ("send=json,image=body", "send=json is sent in JSON"),
    "labels elsewhere": ("image=x[*],scores=y[*],labels=z[*]", "their paths begin alike"),
    "a file": ("body=nowhere.json", "nowhere.json cannot be read: No such file"),
    "names": ("classes=nowhere.txt", "classes=nowhere.txt is no file"),
    "labels only, of no classes": ("scale=labels,labels=label", "needs all classes, in order, by classes="),
    "a range": ("range=7", "range is 255 or 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_do_not_fit_are_refused(name: str) -> None:
    settings, sentence = REFUSED[name]
    with pytest.raises(InputError, match=sentence):
        load("oracles", f"http(url=http://127.0.0.1:1,{settings})")()


def test_a_file_of_classes_has_a_line_for_each(tmp_path: Path) -> None:
    """An empty line would give every later class another number."""
    (tmp_path / "names.txt").write_text("ant\n bee \n\n")
    assert class_names([f"{tmp_path}/names.txt"]) == ("ant", "bee")
    (tmp_path / "names.txt").write_text("ant\n\nbee\n")
    with pytest.raises(InputError, match=r"line 2 of classes=.*names.txt is empty"):
        class_names([f"{tmp_path}/names.txt"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is no JSON"),
        ('{"image": "x"}', "{image} 0 times"),
        ('["{image}", "{image}"]', "{image} 2 times"),
    ],
)
def test_a_file_that_is_no_request(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "body.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        load("oracles", f"http(url=http://127.0.0.1:1,body={tmp_path}/body.json)")()


def test_a_comparison_of_an_api_that_gives_the_two_best(tmp_path: Path) -> None:
    """Rounded, two of ten classes: runs, is charged in full, and says what was sent."""
    linear = load("oracles", "linear(classes=10,inputs=3072,seed=4)")()

    def answer(body: bytes, _: dict[str, str]) -> Any:
        colours = np.asarray(Image.open(BytesIO(b64decode(json.loads(body)["image"]))))
        shares = (linear(levels(torch.from_numpy(colours.copy()).permute(2, 0, 1))[None]) / 3e5).softmax(1)[0]
        best = shares.topk(2)
        return {
            "labels": best.indices.tolist(),
            "scores": [round(score, 3) for score in best.values.tolist()],
        }

    with serving(JsonServer(answer=answer)) as server:
        spec = f"http(url={server.url},labels=labels,classes=10,scale=probabilities)"
        chosen = Experiment(
            oracle=spec, images="sample[0:3]", strategies=("random(popsize=8)",), budget=16, pixels=(5,),
            true_class="prediction",
        )  # fmt: skip
        found = compare(chosen, tmp_path / "a.study")
    assert [one.shown for one in found.records] == [one.queries - one.repeats for one in found.records]
    sent = sum(one.attempts for one in found.records)
    assert 3 <= sent < len(server.requests)  # the clean images are beside
    checks = 14 + 4 + 4  # purity, random images, four again at the end; the 3 clean ones are known
    assert len(server.requests) == sent + checks


def served(network: Classifier, body: bytes) -> torch.Tensor:
    """Probabilities ``(K,)`` of the picture that a request is, evaluated singly."""
    pixels = np.array(Image.open(BytesIO(body)).convert("RGB"))
    return network(levels(torch.from_numpy(pixels).permute(2, 0, 1)[None])).double().softmax(1)[0]


def test_a_comparison_of_an_api_that_gives_a_class_alone(tmp_path: Path) -> None:
    """It is that of the same network by ``labels(oracle=...)``: same queries, edits and successes."""
    network = Classifier.of(load("oracles", "allconv-small")())
    names = network.classes

    def answer(body: bytes, _: dict[str, str]) -> Any:
        return {"label": names[int(served(network, body).argmax())]}

    kept: list[Any] = []
    with serving(JsonServer(answer=answer)) as server:
        settings = f"image=body,labels=label,scale=labels,classes=[{','.join(names)}]"
        strategies = ("random(popsize=8)", "pointwise")
        for spec in (f"http(url={server.url}/x,{settings})", "labels(oracle=allconv-small)"):
            chosen = Experiment(
                oracle=spec, images="sample[0:2]", strategies=strategies, budget=30, pixels=(5,)
            )
            found = compare(chosen, tmp_path / f"{len(kept)}.study")
            kept.append(sorted((run.strategy, run.image, run.success, run.queries, run.flat, run.positions,
                                run.colours) for run in found.records))  # fmt: skip
    assert kept[0] == kept[1] and len(kept[0]) == 4


@pytest.mark.parametrize("best", [1, 2, 3, 5])
@pytest.mark.parametrize("targeted", [False, True])
def test_successes_by_the_best_classes_are_those_of_all_scores(best: int, targeted: bool) -> None:
    """And the margin is that of all scores where the given ones say it."""
    network = Classifier.of(load("oracles", "allconv-small")())

    def answer(body: bytes, _: dict[str, str]) -> Any:
        values, classes = served(network, body).topk(best)
        return [{"label": int(c), "score": float(v)} for v, c in zip(values, classes, strict=True)]

    clean = levels(load_images("sample[0:4]").pixels)
    images, generator = clean.repeat_interleave(6, 0), torch.Generator().manual_seed(best)
    changed = torch.rand(24, 1, *images.shape[2:], generator=generator) < 0.1
    images = torch.where(changed, torch.randint(2, images.shape, generator=generator).float(), images)
    with serving(JsonServer(answer=answer)) as server:
        made = oracle(server, "image=body,scores=[*].score,labels=[*].label,classes=10")
        given = made(images)
        (note,) = made.notes()
    whole, order = network(images).double().softmax(1), network(clean).argsort(1, descending=True)
    labels = order[:, 1 if targeted else 0].repeat_interleave(6)
    ours, true = (margin_of(scores, labels, targeted, "probabilities") for scores in (given, whole))
    assert torch.equal(ours < 0, true < 0) and 0 < (true < 0).sum() < len(images)
    assert f"scores of {best} of 10 classes" in note and "successes are exact" in note
    rank = (whole > whole.gather(1, labels[:, None])).sum(1)
    exact, missing = (rank < best) & (best > 1), rank >= best
    assert torch.allclose(ours[exact], true[exact], atol=1e-3)
    lowest, own = whole.topk(best).values[:, -1], given.gather(1, labels[:, None])[:, 0]
    assert (own[missing] < lowest[missing]).all() and missing.any()
    assert torch.allclose(given.sum(1), torch.ones(24).double()) or best == 1
