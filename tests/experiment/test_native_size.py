"""--native-size: photographs in their own pixels, which an endpoint or the oracle resizes by itself."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import Run
from model_server import JsonServer, serving
from PIL import Image, ImageOps

from sparseattack import Classifier, Experiment, InputError
from sparseattack.data.images import levels
from sparseattack.data.load import load_images
from sparseattack.data.png import read_texts
from sparseattack.data.resize import parse_resize
from sparseattack.experiment.file import read_experiment
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.preprocessing import Preprocessing, preprocessed
from sparseattack.plugins.registry import load
from sparseattack.report.export.robustness import command_of

SIDE, ORIENTATION, QUARTER = 32, 274, 6
FILES = ("flat.png", "grey.png", "large.png", "palette.png", "see-through.png", "turned.jpg")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photographs of the sample, enlarged to several sizes, in as many kinds of files."""
    folder = tmp_path_factory.mktemp("photographs")
    pixels = load_images("sample[0:6]").pixels.permute(0, 2, 3, 1).numpy()
    sizes = (40, 33), (48, 36), (90, 64), (36, 36), (32, 32), (40, 64)
    large = [Image.fromarray(one).resize(size) for one, size in zip(pixels, sizes, strict=True)]
    turn = Image.Exif()
    turn[ORIENTATION] = QUARTER
    large[4].putalpha(Image.linear_gradient("L").resize(large[4].size))
    large[1], large[3] = large[1].convert("L"), large[3].quantize(64)
    for name, picture in zip(FILES[:-1], large[:-1], strict=True):
        picture.save(folder / name)
    large[-1].save(folder / FILES[-1], exif=turn, quality=95)
    return folder


@pytest.fixture(scope="module")
def endpoint() -> Iterator[JsonServer]:
    """A server that takes a picture of any size and kind, and resizes it by itself."""
    network = Classifier.of(load("oracles", "allconv-small")())

    def answer(body: bytes, _: dict[str, str]) -> dict[str, list[float]]:
        small = Image.open(BytesIO(body)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        seen = levels(torch.from_numpy(np.array(small))).permute(2, 0, 1)[None]
        return {"scores": network(seen).softmax(1)[0].double().tolist()}

    with serving(JsonServer(answer=answer)) as server:
        yield server


def attacked(run: Run, folder: Path, out: Path, *options: str) -> None:
    chosen = ("--true-class", "prediction", "--budget", "8", "-k", "200", "--resize", "bilinear,squash")
    done = run("attack", str(folder), "--native-size", *chosen, "--out", str(out), *options)
    assert done.code == 0, done.err


def oracle_of(endpoint: JsonServer) -> str:
    return f"http(url={endpoint.url},image=body,scale=probabilities)"


def colours(path: Path) -> tuple[str, np.ndarray]:
    """How a picture opens: its mode, and its pixels upright."""
    with Image.open(path) as opened:
        upright = ImageOps.exif_transpose(opened)
        return upright.mode, np.atleast_3d(np.array(upright.convert("RGB" if upright.mode == "P" else None)))


def test_an_endpoint_and_a_network_at_home_answer_alike(
    run: Run, photographs: Path, endpoint: JsonServer, tmp_path: Path
) -> None:
    """The same successes, each the photograph but for the pixels that its text names."""
    attacked(run, photographs, tmp_path / "home")
    attacked(run, photographs, tmp_path / "sent", "--oracle", oracle_of(endpoint))
    made = sorted(path.name for path in (tmp_path / "home").glob("*.adversarial.png"))
    assert made == sorted(path.name for path in (tmp_path / "sent").glob("*.adversarial.png"))
    assert len(made) > len(FILES) // 2
    for name in made:
        (original,) = photographs.glob(f"{name.removesuffix('.adversarial.png')}.*")
        mode, before = colours(original)
        found_mode, after = colours(tmp_path / "home" / name)
        assert (found_mode, after.shape) == ("RGB" if mode == "P" else mode, before.shape)
        np.testing.assert_array_equal(after, colours(tmp_path / "sent" / name)[1])
        changed = json.loads(read_texts(tmp_path / "home" / name)["sparseattack"])["changed"]
        assert 0 < len(changed) <= 200
        places = {(one["row"], one["column"]) for one in changed}
        assert {*map(tuple, np.argwhere((before != after).any(2)).tolist())} == places


def test_what_is_sent_is_the_photograph(
    run: Run, photographs: Path, endpoint: JsonServer, tmp_path: Path
) -> None:
    before = len(endpoint.bodies)
    attacked(run, photographs / "turned.jpg", tmp_path, "--oracle", oracle_of(endpoint))
    first = Image.open(BytesIO(endpoint.bodies[before]))
    assert (first.format, first.size) == ("PNG", (64, 40))  # upright
    np.testing.assert_array_equal(np.array(first), colours(photographs / "turned.jpg")[1])


@pytest.mark.parametrize("resize", ["bilinear,fit", "nearest,squash", "bicubic"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_preprocessing_inside_the_oracle_is_that_of_images(resize: str, channels: int) -> None:
    """Scores of a large image are those of the image that was converted and resized before."""
    generator = np.random.default_rng(0)
    stored = generator.integers(256, size=(50, 41, channels), dtype=np.uint8)
    network = Classifier.of(load("oracles", "allconv-small")())
    how = parse_resize(resize, SIDE)
    oracle = preprocessed(network, Preprocessing(3, how))
    rgb = np.array(Image.fromarray(stored[..., 0] if channels == 1 else stored).convert("RGB"))
    small = levels(torch.from_numpy(how(rgb.transpose(2, 0, 1))))[None]
    large = levels(torch.from_numpy(stored)).permute(2, 0, 1)[None]
    assert torch.equal(oracle(large), network(small))
    assert oracle.digest not in ("", network.digest)


def test_what_does_not_fit_is_refused(photographs: Path, endpoint: JsonServer) -> None:
    with pytest.raises(InputError, match="at their own size, and photos@224 names another: leave out @224"):
        Experiment(images="photos@224", native_size=True)
    jpeg = f"http(url={endpoint.url},image=body,send=jpeg:90)"
    with pytest.raises(InputError, match=r"is sent JPEG, .* send PNG \(send=png\)"):
        prepare(Experiment(images=str(photographs), native_size=True, oracle=jpeg, true_class="prediction"))
    with pytest.raises(InputError, match=r"grey\.png has 1.*with --native-size let the oracle convert them"):
        prepare(Experiment(images=str(photographs), true_class="prediction"))


def test_a_file_and_a_command_repeat_it(tmp_path: Path) -> None:
    (tmp_path / "it.toml").write_text('images = "photos"\nnative-size = true\n', "utf-8")
    experiment = read_experiment(tmp_path / "it.toml").experiment
    assert experiment.native_size
    assert "--native-size" in command_of(experiment)
    assert Experiment.from_json(experiment.to_json()) == experiment


def test_one_study_of_several_sizes(
    run: Run, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables, page and exports; shards come to the same runs; the same command finds all of them."""
    monkeypatch.chdir(tmp_path)
    images = f"{photographs}[0:3]"
    words = ["compare", "--images", images, "--native-size", "--true-class", "prediction"]
    words += ["-s", "sparse-rs", "-k", "200", "--budget", "4", "--resize", "bilinear,squash"]
    shown = run(*words, "--study", "whole.study")
    assert f"images {images} at native size" in " ".join(shown.out.split())
    assert "resizes it to 32x32 (bilinear, height and width scaled apart)" in " ".join(shown.out.split())
    for part in ("1/2", "2/2"):
        assert run(*words, "--shard", part, "--study", f"part{part[0]}.study").code == 0
    assert run("merge", "both.study", "part1.study", "part2.study").code == 0
    for study in ("whole", "both"):
        assert run("export", f"{study}.study", "--to", "jsonl", "--out", f"{study}.jsonl").code == 0
    assert runs("both.jsonl") == runs("whole.jsonl")
    assert len(runs("whole.jsonl")) == 3
    assert run("export", "whole.study", "--to", "images", "--out", "pictures").code == 0
    assert run("report", "whole.study", "--html", "page.html").code == 0
    page = Path("page.html").read_text("utf-8")
    assert "Images are divided into" in page and "--native-size" in page
    assert "3 runs already in whole.study" in run(*words, "--study", "whole.study").err


def runs(path: str) -> list[tuple[object, ...]]:
    lines = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    return sorted((one["strategy"], one["image_id"], one["queries"], one["success"]) for one in lines)
