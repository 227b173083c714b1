"""Commands about an oracle behind a network: what they print, refuse, and resume."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import Run
from model_server import JsonServer, OipServer, Reply, serving
from numpy.typing import NDArray
from shared_runs import images_file, runs_of

from sparseattack import SparseattackWarning, levels
from sparseattack.oracles.remote import client
from sparseattack.study.store import Study

WEIGHTS = np.random.default_rng(0).integers(-99, 99, (192, 4)).astype(np.float64)


def linear(images: NDArray[Any]) -> NDArray[Any]:
    return images.reshape(len(images), -1).astype(np.float64) @ WEIGHTS


@pytest.fixture
def server() -> Iterator[OipServer]:
    with serving(OipServer(model=linear, shape=[-1, 3, 8, 8])) as served:
        yield served


@pytest.fixture
def command(server: OipServer, tmp_path: Path) -> list[str]:
    """A comparison of a served model, whose ledger and study are in the folder."""
    oracle = f"oip(url={server.url},model=m,ledger={tmp_path}/a.ledger,patience=0.2)"
    options = ["-s", "random(popsize=10),cmaes", "--true-class", "prediction", "--budget", "40"]
    images = str(images_file(tmp_path))
    return ["compare", "--oracle", oracle, "--images", images, *options, "--study", f"{tmp_path}/a.study"]


def test_a_comparison_says_what_it_may_send_and_has_sent(
    run: Run, command: list[str], server: OipServer, tmp_path: Path
) -> None:
    code, out, err = run(*command)
    assert code == 0, err
    err = " ".join(err.split())
    assert "At most 800 queries of 20 runs are left, and verifications of successes" in err
    assert f"{server.images:,} images were sent to 127.0.0.1" in err.rpartition("At most")[2]
    assert "shown" in out and "attempts" in out
    code, out, err = run("report", f"{tmp_path}/a.study", "--csv")
    header, *rows = (line.split(",") for line in out.splitlines())
    places = [header.index(name) for name in ("queries", "repeats", "shown", "attempts")]
    for queries, repeats, shown, attempts in ([int(row[place]) for place in places] for row in rows):
        assert 0 < shown <= queries - repeats and attempts >= shown


def test_an_outage_keeps_what_is_finished_and_the_same_command_resumes(
    run: Run, command: list[str], server: OipServer, tmp_path: Path
) -> None:
    server.failures = [*[Reply()] * 30, *[Reply(0)] * 200]
    code, out, err = run(*command)
    assert (code, out) == (1, "") and "did not answer" in err and "the same command goes on" in err
    stored = f"finished runs stored in {tmp_path}/a.study"
    assert "Traceback" not in err and stored in " ".join(err.split())
    server.failures, before = [], server.images
    with pytest.warns(SparseattackWarning, match=r"1 image was sent to .* and not answered"):
        code, _, err = run(*command)
    assert code == 0 and before > 0, err
    shown = [image.tobytes() for tensor in server.shown for image in tensor]
    assert len(shown) - len(set(shown)) < 60  # verifications and checks; nothing of the search
    again = [each.replace("a.study", "b.study").replace("a.ledger", "b.ledger") for each in command]
    assert run(*again)[0] == 0
    sent = {"shown": 0, "attempts": 0}
    one, two = ([row | sent for row in runs_of(tmp_path / name)] for name in ("a.study", "b.study"))
    assert one == two


def test_an_image_that_is_not_answered_ends_no_other_run(
    run: Run, command: list[str], server: OipServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service fails on every candidate of one image: its runs are made by the same command later."""
    monkeypatch.setattr(client, "FIRST", client.FIRST / 100)
    pixels = levels(torch.from_numpy(np.load(tmp_path / "images.npz")["images"])).permute(0, 3, 1, 2)
    fragile, answer, broken = pixels[2].numpy(), server.infer, True

    def fails(body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        found, images = answer(body, headers), server.shown[-1]
        changed = (images != fragile).any(1).sum((1, 2))
        return (500, {}, b"broken") if broken and (changed == 1).any() else found

    monkeypatch.setattr(server, "infer", fails)
    changes = {"patience=0.2": "concurrency=1", ".npz": ".npz[0:4]", "popsize=10": "popsize=5"}
    for old, new in changes.items():
        command = [each.replace(old, new) for each in command]
    command[command.index("40")] = "15"
    code, out, err = run(*command)
    assert (code, out) == (1, "") and "Traceback" not in err
    said = " ".join(err.split())
    assert "2 runs are not finished, all others are: 127.0.0.1" in said and "answered 2 times 500" in said
    assert "and the same command goes on" in said
    with Study.read(tmp_path / "a.study") as study:
        held = [(record.strategy, record.image) for record in study.records()]
    strategies, images = dict.fromkeys(one for one, _ in held), range(4)
    assert sorted(held) == sorted((one, image) for one in strategies for image in images if image != 2)
    broken = False
    assert run(*command)[0] == 0
    again = [each.replace("a.study", "b.study").replace("a.ledger", "b.ledger") for each in command]
    assert run(*again)[0] == 0
    sent = {"shown": 0, "attempts": 0}
    one, two = ([row | sent for row in runs_of(tmp_path / name)] for name in ("a.study", "b.study"))
    assert one == two


def test_a_service_that_answers_nothing_is_not_asked_for_ever(
    run: Run, command: list[str], server: OipServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "FIRST", client.FIRST / 100)
    server.failures = [*[Reply()] * 30, *[Reply(500)] * 200]
    code, _, err = run(*command)
    assert code == 1 and "answered 2 times 500" in " ".join(err.split())
    assert len(server.failures) > 150


def test_no_more_is_sent_than_max_paid(run: Run, command: list[str], server: OipServer) -> None:
    code, out, err = run(*command, "--max-paid", "100")
    assert (code, out) == (2, "") and "would be above --max-paid 100" in err and server.images <= 100
    code, _, err = run(*command, "--max-paid", "5000")
    assert code == 0 and " of at most 5,000 images were sent" in " ".join(err.split())
    code, _, err = run("compare", "--oracle", "digits-forest", "--images", "digits", "--max-paid", "5")
    assert code == 2 and "digits-forest has no setting max_paid" in err


def test_a_comparison_file_may_be_limited(
    run: Run, command: list[str], server: OipServer, tmp_path: Path
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(
        f'oracle = "{command[2]}"\nimages = "{command[4]}"\nstrategies = ["random"]\nbudget = 20\n'
        'true_class = "prediction"\n'
    )
    code, _, err = run("compare", str(file), "--study", f"{tmp_path}/c.study", "--max-paid", "9")
    assert code == 2 and "would be above --max-paid 9" in err and server.images <= 9


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "https://models.example/v2/models/cars/infer"])
def test_an_address_alone_gets_one_sentence(run: Run, address: str) -> None:
    code, out, err = run("compare", "--oracle", address)
    assert (code, out) == (2, "") and len(err.strip().splitlines()) == 1
    assert "'oip(url=" in err and "'http(url=" in err and "Traceback" not in err


def test_a_picture_is_attacked_on_a_server(run: Run, tmp_path: Path) -> None:
    def answer(body: bytes, _: dict[str, str]) -> Any:
        return {"scores": [sum(body) % 1000, sum(body) % 997, 500]}

    with serving(JsonServer(answer=answer)) as server:
        oracle = f"http(url={server.url},scale=logits)"
        options = ["--true-class", "prediction", "--budget", "30", "--out", str(tmp_path)]
        code, out, err = run("attack", "sample[3]", "--oracle", oracle, *options)
    assert code == 0, err
    assert re.search(r"queries +\d+ to success", out)


def test_check_tries_an_oracle_on_a_server(run: Run, server: OipServer, tmp_path: Path) -> None:
    images = str(images_file(tmp_path))
    oracle = f"oip(url={server.url},model=m)"
    code, out, _ = run("check", oracle, "--images", images)
    assert code == 0 and "pass  gives an image other scores when one pixel changes" in out
    assert "JPEG of quality 90 would change them by" in " ".join(out.split())
    server.model = lambda images: linear(images).round(-4)
    code, out, _ = run("check", oracle, "--images", images)
    assert code == 1 and "one pixel changes no score of 8 images" in " ".join(out.split())
