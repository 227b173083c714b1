"""What a service costs, and what is done when it fails: no result depends on it, nothing is bought twice."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_server import JsonServer, OipServer, Reply, linear_model, serving
from numpy.typing import NDArray
from shared_runs import images_file

from sparseattack import Classifier, Experiment, InputError, OracleError, SparseattackWarning, compare, load
from sparseattack.data.images import eight_bit, levels
from sparseattack.errors import ChangedError
from sparseattack.oracles.remote import client
from sparseattack.oracles.remote.answers import AnswerLedger
from sparseattack.oracles.remote.class_scores import certainty, differ
from sparseattack.oracles.remote.endpoint import Endpoint
from sparseattack.study.store import Study

linear = linear_model(192)
IMAGES = levels(torch.randint(256, (40, 3, 8, 8), generator=torch.Generator().manual_seed(1)))
BESIDE = ("oracle_seconds", "strategy_seconds", "environment")


EXPECTED = torch.from_numpy(linear(IMAGES.numpy()).astype(np.float32))


@pytest.fixture
def server() -> Iterator[OipServer]:
    with serving(OipServer(model=linear, shape=[-1, 3, 8, 8])) as served:
        yield served


def spec(server: OipServer, settings: str = "") -> str:
    return f"oip(url={server.url},model=m{',' * bool(settings)}{settings})"


def oracle(server: OipServer, settings: str = "") -> Classifier:
    made = load("oracles", spec(server, settings))()
    assert isinstance(made, Classifier)
    return made


def sent_in_all(made: Classifier) -> int:
    assert made.remote
    return int(made.remote.statement().partition(" ")[0].replace(",", ""))


def bought(made: Classifier, run: str) -> tuple[int, int]:
    assert made.remote
    return made.remote.bought_for(run)


FAILURES: dict[str, tuple[list[Reply], int]] = {  # and how many of two requests more are sent
    "too many requests": ([Reply(429)], 1),
    "unavailable, with a time": ([Reply(503, headers={"Retry-After": "0.05"})], 1),
    "broken once": ([Reply(500)], 1),
    "a gateway": ([Reply(502), Reply(504)], 2),
    "a reset": ([Reply(0)], 1),
    "slow": ([Reply(wait=2.5)], 1),
    "throttled as 400": ([Reply(400, b'{"__type": "ThrottlingException"}')], 1),
    "many": ([Reply(429), Reply(0), Reply(500), Reply(503)], 4),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("failure", FAILURES)
def test_failures_that_pass_change_no_score(server: OipServer, failure: str) -> None:
    replies, more = FAILURES[failure]
    made = oracle(server, f"binary=yes,timeout={2 if failure == 'slow' else 30},batch=20")
    made(IMAGES[:1])
    server.failures = list(replies)
    with made.buying_for(["a"] * 15 + ["b"] * 5):
        assert torch.equal(made(IMAGES[1:21]), EXPECTED[1:21])
    assert bought(made, "a") == (15, 15 * (1 + more)) and bought(made, "b") == (5, 5 * (1 + more))
    assert len(server.requests) == 2 + more
    assert len({headers["Idempotency-Key"] for headers in server.requests}) == 2
    assert sent_in_all(made) == 1 + 20 * (1 + more)


@pytest.mark.usefixtures("quick")
def test_a_pause_is_for_all_requests(server: OipServer) -> None:
    """As long as the service says; fewer requests are under way afterwards."""
    made = oracle(server, "binary=yes,batch=1,concurrency=4")
    made(IMAGES[:1])
    server.failures = [Reply(429, headers={"Retry-After": "0.6"}), *[Reply(wait=0.1)] * 12]
    start = time.monotonic()
    assert torch.equal(made(IMAGES[:13]), EXPECTED[:13])
    assert time.monotonic() - start >= 0.6
    assert 1 < server.together <= 4 and len(server.requests) == 14


GIVEN_UP: dict[str, tuple[list[Reply], str]] = {
    "not allowed": (
        [Reply(401)],
        r"answered 401 Unauthorized.*Authorization: Bearer \{API_KEY\}",
    ),
    "not understood": ([Reply(422, b"what?")], "answered 422 Unprocessable (Entity|Content): what\\?"),
    "broken": ([Reply(500)] * 2, "answered 2 times 500 Internal Server Error"),
    "moved": ([Reply(301, headers={"Location": "http://there"})], "use the address http://there"),
    "too long a pause": ([Reply(429, headers={"Retry-After": "900"})], "to be asked again in 900 s"),
    "never there": ([Reply(0)] * 99, r"did not answer, \d+ times"),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("failure", GIVEN_UP)
def test_others_end_it_in_a_sentence(server: OipServer, tmp_path: Path, failure: str) -> None:
    replies, sentence = GIVEN_UP[failure]
    patience = 0.3 if failure == "never there" else 20
    made = oracle(server, f"binary=yes,patience={patience},ledger={tmp_path}/a.ledger")
    made(IMAGES[:1])
    server.failures = list(replies)
    with pytest.raises(
        OracleError, match=rf"{sentence}.*are kept in .*a.ledger, and the same command goes on"
    ):
        made(IMAGES[1:2])
    server.failures = []
    assert torch.equal(made(IMAGES[:2]), EXPECTED[:2])


def test_an_answer_that_cannot_be_decoded_is_malformed(server: OipServer, tmp_path: Path) -> None:
    made = oracle(server, f"binary=yes,ledger={tmp_path}/a.ledger")
    server.failures = [Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"})]
    with pytest.raises(OracleError, match=r"^127\.0\.0\.1:\d+ answered what cannot be decoded"):
        made(IMAGES[:1])
    with sqlite3.connect(tmp_path / "a.ledger") as ledger:
        assert ledger.execute("SELECT status FROM answer").fetchall() == [("malformed",)]
    ledger.close()
    assert torch.equal(made(IMAGES[:1]), EXPECTED[:1])


def test_one_failure_stops_the_other_requests(server: OipServer) -> None:
    made = oracle(server, "binary=yes,batch=1,concurrency=2")
    made(IMAGES[:1])
    server.failures = [Reply(403)]
    with pytest.raises(OracleError, match="answered 403 Forbidden"):
        made(IMAGES)
    assert len(server.requests) < 10
    assert torch.equal(made(IMAGES), EXPECTED)  # what was answered meanwhile is not sent again
    assert server.images == 40


@pytest.mark.usefixtures("quick")
def test_a_server_that_is_down_has_seen_nothing(tmp_path: Path) -> None:
    with serving(OipServer(model=linear, shape=[-1, 3, 8, 8])) as server:
        made = oracle(server, f"patience=0.2,ledger={tmp_path}/a.ledger")
        made(IMAGES[:3])
    again = oracle(server, f"patience=0.2,ledger={tmp_path}/a.ledger")  # what the model is like, is known
    with pytest.raises(OracleError, match=r"did not answer, \d times: ConnectError"):
        again(IMAGES[:5])
    assert sent_in_all(again) == 3 and torch.equal(again(IMAGES[:3]), EXPECTED[:3])


@pytest.mark.usefixtures("quick")
def test_nobody_is_waited_for_where_nobody_has_answered(tmp_path: Path) -> None:
    """Such as at a wrong port: patience=300 is for a service that was there."""
    made = load("oracles", f"http(url=http://127.0.0.1:1,ledger={tmp_path}/a.ledger)")()
    assert isinstance(made, Classifier)
    with pytest.raises(OracleError, match=r"127\.0\.0\.1:1 did not answer, 3 times: ConnectError"):
        made(IMAGES[:1])
    assert sent_in_all(made) == 0


def test_scores_do_not_depend_on_how_many_requests_are_under_way(server: OipServer) -> None:
    server.failures = [Reply(wait=0.02 * (place % 3)) for place in range(20)]
    for concurrency in (1, 8):
        assert torch.equal(oracle(server, f"batch=3,concurrency={concurrency}")(IMAGES), EXPECTED)


def test_an_image_is_sent_once_and_charged_each_time(server: OipServer) -> None:
    made = oracle(server)
    twice = torch.cat([IMAGES[:3], IMAGES[:3]])
    with made.buying_for(["a"] * 6):
        assert torch.equal(made(twice), torch.cat([EXPECTED[:3]] * 2)) and server.images == 3
    with made.buying_for(["b"] * 4):  # three are known
        made(IMAGES[:4])
    with made.buying_for(["a"] * 2, verifying=True):
        assert torch.equal(made.anew(IMAGES[:2]), EXPECTED[:2])
    assert server.images == 6 and (bought(made, "a"), bought(made, "b")) == ((3, 5), (1, 1))
    assert bought(made, "a") == (0, 0)  # since it was asked


def test_the_rate_is_kept(server: OipServer) -> None:
    made = oracle(server, "batch=1,rate=20")
    start = time.monotonic()
    made(IMAGES[:5])
    assert time.monotonic() - start >= 4 / 20


@pytest.mark.parametrize("column", ["next", "paused"])
def test_a_clock_that_was_set_back_is_not_waited_for(server: OipServer, tmp_path: Path, column: str) -> None:
    made = oracle(server, f"rate=50,patience=20,ledger={tmp_path}/a.ledger")
    with sqlite3.connect(tmp_path / "a.ledger") as ledger:
        ledger.execute(f"UPDATE service SET {column} = ?", (time.time() + 60,))
    ledger.close()
    start = time.monotonic()
    made(IMAGES[:3])
    assert time.monotonic() - start < 30


def test_a_long_wait_is_said_once(server: OipServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "NOTICED", 0.1)
    made = oracle(server, "batch=1,rate=5,concurrency=1")
    with pytest.warns(SparseattackWarning, match=r"waits 0 s, for its turn \(rate=\)") as said:
        made(IMAGES[:4])
    assert len(said) == 1


def test_no_more_is_sent_than_may_be_paid(server: OipServer, tmp_path: Path) -> None:
    """Also of the next process: the ledger counts."""
    for first, count in ((0, 6), (1, 9)):
        made = oracle(server, f"max_paid=6,batch=2,ledger={tmp_path}/a.ledger")
        with pytest.raises(InputError, match="would be above --max-paid 6: all answers are kept"):
            made(IMAGES[first : first + 9])
        assert count and server.images <= 6
    more = oracle(server, f"max_paid=60,batch=2,ledger={tmp_path}/a.ledger")
    assert torch.equal(more(IMAGES[:9]), EXPECTED[:9])


def test_a_model_that_changes_is_noticed(server: OipServer, tmp_path: Path) -> None:
    made = oracle(server, f"reprobe=5,batch=2,ledger={tmp_path}/a.ledger")
    assert torch.equal(made(IMAGES[:12]), EXPECTED[:12])
    assert server.images == 12 + 2 * 4  # four again after five, and after ten
    once = [headers["Idempotency-Key"] for headers in server.requests]
    assert len(set(once)) == len(once)  # or a service might answer what it did before
    server.model = lambda images: linear(images) + 9e3
    with pytest.raises(OracleError, match=r"has changed: of 4 images .* 4 have other scores than in"):
        made(IMAGES[12:20])
    with pytest.raises(OracleError, match="has changed"):  # at the start of another process, too
        oracle(server, f"ledger={tmp_path}/a.ledger")(IMAGES[:21])
    blind = oracle(server, f"reprobe=0,ledger={tmp_path}/b.ledger")
    assert torch.equal(blind(IMAGES[:2]), EXPECTED[:2] + 9e3)


def probabilities(images: NDArray[Any], mixed: float = 0.0) -> NDArray[Any]:
    """Of a linear model, or of one whose weights are ``mixed`` with others; of most images nearly 1 and 0."""
    logits = (linear(images) + mixed * np.roll(linear(images[..., ::-1]), 1, 1)) / 100
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shares / shares.sum(1, keepdims=True))


def test_a_change_is_noticed_though_the_first_image_is_sure_of_its_class(
    server: OipServer, tmp_path: Path
) -> None:
    """The least sure of what the ledger answers is asked again, not what nearly every model is sure of."""
    server.model, server.score_type = probabilities, "FP64"
    sure = IMAGES[(-probabilities(IMAGES.numpy()).max(1)).argsort()]
    made = oracle(server, f"ledger={tmp_path}/a.ledger")
    made(sure[:12])
    server.model = lambda images: probabilities(images, 0.1)
    with pytest.raises(ChangedError, match="has changed"):
        oracle(server, f"ledger={tmp_path}/a.ledger")(sure[:13])


def test_a_sure_class_is_compared_by_what_it_lacks_to_1() -> None:
    old, new = np.array([0.99998, 2e-5, 0]), np.array([0.99986, 1.4e-4, 0])
    assert differ(old, new, 0) and not differ(old, np.array([0.99998001, 1.999e-5, 0]), 0)
    assert not differ(old, new, 0.01)  # a server whose scores may differ by so much
    assert differ(100 * old, 100 * new + [1, 0, 0], 0) and not differ(100 * old, 100 * new, 0)  # logits
    assert certainty(old) > certainty(new) > certainty(np.array([0.3, 0.4])) > certainty(np.array([0.51]))


def test_a_change_is_taken_back_though_a_check_before_it_has_failed(
    server: OipServer, tmp_path: Path
) -> None:
    """And what was taken back is asked for its own sake: a service might know the other answer by its key."""
    settings = f"binary=yes,batch=1,ledger={tmp_path}/a.ledger"
    made = oracle(server, settings)
    made(IMAGES[:5])
    assert made.remote
    made.remote.check()
    server.model = lambda images: linear(images) + 9e3
    made(IMAGES[5:8])
    server.failures = [Reply(401)]
    with pytest.raises(OracleError, match="answered 401"):
        oracle(server, settings)(IMAGES[:9])
    with pytest.raises(ChangedError):
        oracle(server, settings)(IMAGES[:9])
    server.model = linear
    assert torch.equal(oracle(server, settings)(IMAGES[:9]), EXPECTED[:9])
    once = [headers["Idempotency-Key"] for headers in server.requests]
    assert len(set(once)) == len(once) == 5 + 4 + 3 + 1 + 4 + 4 + 3 + 1


def test_a_ledger_from_before_changes_were_dated_is_read(server: OipServer, tmp_path: Path) -> None:
    """All its answers may be of another model, but those that tell it."""
    settings = f"batch=1,ledger={tmp_path}/a.ledger"
    oracle(server, settings)(IMAGES[:8])
    with sqlite3.connect(tmp_path / "a.ledger") as ledger:
        ledger.execute("DROP TABLE model")
    ledger.close()
    assert torch.equal(oracle(server, settings)(IMAGES[:8]), EXPECTED[:8]) and server.images == 8
    server.model = lambda images: linear(images) + 9e3
    with pytest.raises(ChangedError):
        oracle(server, settings)(IMAGES[:9])
    server.model = linear
    assert torch.equal(oracle(server, settings)(IMAGES[:8]), EXPECTED[:8])
    assert server.images == 8 + 4 + 4 + 4


def test_another_model_at_the_same_address_is_refused(server: OipServer, tmp_path: Path) -> None:
    oracle(server, f"ledger={tmp_path}/a.ledger")
    server.shape = [-1, 3, 16, 16]
    with pytest.raises(InputError, match=r"another model than the one of .*a\.ledger"):
        oracle(server, f"ledger={tmp_path}/a.ledger")


def test_a_ledger_is_no_other_file(server: OipServer, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello " * 100)
    with sqlite3.connect(tmp_path / "b.db") as other:
        other.execute("CREATE TABLE t (a)")
    other.close()
    with pytest.raises(InputError, match=r"a\.txt is no ledger"):
        oracle(server, f"ledger={tmp_path}/a.txt")
    with pytest.raises(InputError, match=r"b\.db is another file, no ledger"):
        oracle(server, f"ledger={tmp_path}/b.db")
    with pytest.raises(InputError, match="is no ledger that can be written: unable to open"):
        oracle(server, f"ledger={tmp_path}/no/c.ledger")
    for name in (":memory:", ":temporary:"):
        with pytest.raises(InputError, match=f"ledger={name} is no file: name one, or none"):
            oracle(server, f"ledger={name}")


STRANGER = "url=http://models.example:8000,model=m"


def test_a_strangers_server_is_not_asked_without_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"is not this machine: say how many images .* --max-paid 5000"):
        load("oracles", f"oip({STRANGER})")()
    with pytest.raises(InputError, match="are kept in a file, ledger=FILE"):
        load("oracles", f"oip({STRANGER},max_paid=5,ledger=none)")()
    monkeypatch.setenv("SPARSEATTACK_STUDIES", str(tmp_path))
    with pytest.raises(OracleError, match=r"models.example:8000 cannot be reached"):
        load("oracles", f"oip({STRANGER},max_paid=5)")()
    assert [one.suffix for one in tmp_path.glob("sparseattack-models.example-8000-*.ledger")] == [".ledger"]


SECRET = "s3cr3t-of-the-tests"


def test_a_secret_is_sent_and_stands_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", SECRET)
    with serving(JsonServer(answer=lambda body, headers: {"scores": [1, 2, len(body) % 7]})) as server:
        oracle_spec = (
            f'http(url="{server.url}/c?key={{MY_TOKEN}}",headers="Authorization: Bearer {{MY_TOKEN}}",'
        )
        oracle_spec += f"scale=logits,ledger={tmp_path}/a.ledger)"
        chosen = Experiment(
            oracle=oracle_spec, images="sample[0:2]", strategies=("random(popsize=5)",), budget=5,
            true_class="prediction",
        )  # fmt: skip
        compare(chosen, tmp_path / "a.study")
        assert all(headers["Authorization"] == f"Bearer {SECRET}" for headers in server.requests)
        server.failures = [Reply(403, f"no {SECRET} here".encode())]
        made = load("oracles", oracle_spec)()
        with pytest.raises(OracleError, match=r"no \{MY_TOKEN\} here"):
            made(IMAGES)
    for file in tmp_path.iterdir():
        assert SECRET.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("settings", ["scores=scores", "scores=out[*].scores,image=in[*]", "labels=names"])
def test_a_secret_in_a_good_answer_is_in_no_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    """A service may say who has asked it, also in a label that is ignored."""
    monkeypatch.setenv("MY_TOKEN", SECRET)
    one = {"scores": [1, 2, 3], "names": ["ant", "bee", SECRET], "for": {SECRET: f"key {SECRET}"}}
    with serving(JsonServer(answer=lambda body, headers: one | {"out": [one]})) as server:
        oracle_spec = f'http(url={server.url},headers="Authorization: Bearer {{MY_TOKEN}}",scale=logits,'
        oracle_spec += f"classes=[ant,bee,cat],others=ignore,ledger={tmp_path}/a.ledger,{settings})"
        load("oracles", oracle_spec)()(IMAGES[:3])
    assert all(SECRET.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    with sqlite3.connect(tmp_path / "a.ledger") as ledger:
        answers = [answer for (answer,) in ledger.execute("SELECT answer FROM answer")]
    assert len(answers) == 3 and all(b"{MY_TOKEN}" in answer for answer in answers)


def test_a_secret_is_hidden_before_an_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", SECRET)
    one = {"a": "x" * 85, "b": SECRET}  # the hundredth letter is within it
    with serving(JsonServer(answer=lambda body, headers: one)) as server:
        made = load("oracles", f'http(url={server.url},headers="Authorization: Bearer {{MY_TOKEN}}")')()
        with pytest.raises(OracleError, match="answered without scores") as error:
            made(IMAGES[:1])
    assert "xxx" in str(error.value) and SECRET[:2] not in str(error.value)


def test_a_part_of_a_secret_stands_nowhere_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an error is cut, and where the variable ends with a line break."""
    monkeypatch.setenv("MY_TOKEN", f"{SECRET}\n")
    with serving(JsonServer(failures=[Reply(403, b"x" * (client.SHOWN - 6) + SECRET.encode())])) as server:
        made = load("oracles", f'http(url={server.url},headers="Authorization: Bearer {{MY_TOKEN}}")')()
        with pytest.raises(OracleError) as error:
            made(IMAGES[:1])
    assert SECRET[:3] not in str(error.value)
    monkeypatch.setenv("MY_TOKEN", f"{SECRET}\nmore")
    with pytest.raises(InputError, match="the header X holds a line break") as refused:
        Endpoint("http://127.0.0.1:1", ("X: {MY_TOKEN}",))
    assert SECRET not in str(refused.value)


NO_SECRETS = {
    'headers="Authorization: Bearer abc"': r"the header Authorization looks like a secret.*write \{API_KEY\}",
    'headers="x-api-key: abc"': "the header x-api-key looks like a secret",
    'headers="X"': 'a header is written as "Name: value"',
    'headers="Authorization: {NOT_SET}"': "the environment variable NOT_SET, which url or headers name",
}


@pytest.mark.parametrize("settings", NO_SECRETS)
def test_a_secret_in_the_settings_is_refused(settings: str) -> None:
    with pytest.raises(InputError, match=NO_SECRETS[settings]) as refused:
        load("oracles", f"http(url=http://127.0.0.1:1,{settings})")()
    assert "abc" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:80", "ftp://a", "http://me:word@127.0.0.1", "http://a/?token=abc"]
)
def test_an_address_that_is_none_or_has_a_secret(url: str) -> None:
    with pytest.raises(InputError, match=r"url is an address|user name or password|looks like a secret"):
        load("oracles", f'http(url="{url}",max_paid=1)')()


def test_retry_after_is_a_number_or_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert client.retry_after("1.5") == 1.5 and 25 < (client.retry_after(soon) or 0) <= 30
    assert client.retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert client.retry_after("") is None and client.retry_after("soon") is None


def experiment(server: OipServer, folder: Path, settings: str = "") -> Experiment:
    return Experiment(
        oracle=spec(server, f"ledger={folder}/a.ledger{',' * bool(settings)}{settings}"),
        images=str(images_file(folder)), strategies=("random(popsize=10)", "de(popsize=8)"),
        true_class="prediction", budget=40,
    )  # fmt: skip


def runs(path: Path) -> list[dict[str, Any]]:
    with Study.read(path) as study:
        rows = [record.to_dict() for record in study.records()]
    return [{name: value for name, value in row.items() if name not in BESIDE} for row in rows]


def outcomes(path: Path) -> dict[str, dict[str, Any]]:
    """Runs by key, without what they have cost."""
    return {run["key"]: {**run, "attempts": 0} for run in runs(path)}


@pytest.mark.parametrize("reprobe", [30, 1000])
def test_what_a_changed_model_has_answered_is_taken_back(
    server: OipServer, tmp_path: Path, reprobe: int
) -> None:
    """To the new model every candidate is a success: such runs are finished before it is noticed.

    That is at the end of the comparison at the latest.
    """
    chosen = experiment(server, tmp_path, f"reprobe={reprobe},batch=1,concurrency=1")
    compare(chosen, tmp_path / "expected.study")
    expected = outcomes(tmp_path / "expected.study")
    (tmp_path / "a.ledger").unlink()
    limit = len(server.requests) + 65

    def turned(images: NDArray[Any]) -> NDArray[Any]:
        return np.roll(linear(images), len(server.requests) > limit, 1)

    server.model = turned
    with pytest.raises(OracleError, match=r"has changed.*are taken back"):
        compare(chosen, tmp_path / "b.study")
    server.model = linear
    kept = outcomes(tmp_path / "b.study")
    assert len(kept) < len(expected) and kept.items() <= expected.items()
    compare(chosen, tmp_path / "b.study")
    assert outcomes(tmp_path / "b.study") == expected


def test_what_was_taken_back_is_there_for_whoever_trusts_it(server: OipServer, tmp_path: Path) -> None:
    """It was paid: with reprobe=0 no image is sent again, not even the first one."""
    made = oracle(server, f"reprobe=5,batch=1,ledger={tmp_path}/a.ledger")
    made(IMAGES[:4])
    server.model = lambda images: linear(images) + 9e3
    with pytest.raises(OracleError, match="reprobe=0"):
        made(IMAGES[4:12])
    sent = len(server.requests)
    blind = oracle(server, f"reprobe=0,binary=yes,batch=1,ledger={tmp_path}/a.ledger")
    assert torch.equal(blind(IMAGES[:4]), EXPECTED[:4])
    changed = torch.from_numpy(server.model(IMAGES[4:5].numpy()).astype(np.float32))
    assert torch.equal(blind(IMAGES[4:5]), changed) and len(server.requests) == sent
    blind(IMAGES[20:22])
    assert len(server.requests) == sent + 2


def test_a_noisy_model_is_not_taken_for_another_at_the_end(server: OipServer, tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    server.model = lambda images: linear(images) * noise.uniform(0.98, 1.02, (len(images), 1))
    found = compare(replace(experiment(server, tmp_path), noisy_oracle=True), tmp_path / "a.study")
    assert len(found.records) == len(runs(tmp_path / "a.study")) > 0


def test_a_study_is_made_again_without_a_network(tmp_path: Path) -> None:
    """From the ledger: the same runs, what they have cost too, and nothing is sent."""
    with serving(OipServer(model=linear, shape=[-1, 3, 8, 8])) as server:
        chosen = experiment(server, tmp_path)
        first = compare(chosen, tmp_path / "a.study")
        assert 0 < sum(one.shown for one in first.records) <= sum(one.queries for one in first.records)
    again = compare(chosen, tmp_path / "b.study")
    assert runs(tmp_path / "b.study") == runs(tmp_path / "a.study")
    assert {one.attempts > 0 for one in again.records} == {True}


PROGRAM = """
import sys
from pathlib import Path
from sparseattack import Experiment, compare
compare(Experiment.from_json(eval(sys.argv[1])), Path(sys.argv[2]))
"""


def test_a_process_that_is_killed_loses_only_what_was_under_way(server: OipServer, tmp_path: Path) -> None:
    """Each image is answered once, but for the requests of that moment; the study is as without.

    So is what runs have cost, but for the images that were sent twice: of the ledger, not of a process.
    """
    chosen = experiment(server, tmp_path, "batch=4,concurrency=3,binary=yes")
    compare(replace(chosen, oracle=spec(server, "batch=4,binary=yes")), tmp_path / "whole.study")
    server.shown.clear()
    server.failures = [Reply(wait=0.02)] * 1000
    command = [sys.executable, "-P", "-c", PROGRAM, repr(chosen.to_json()), str(tmp_path / "a.study")]
    started = subprocess.Popen(command, cwd=tmp_path)
    while server.images < 60 and started.poll() is None:
        time.sleep(0.02)
    os.kill(started.pid, signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL
    server.failures = []
    time.sleep(0.2)  # what was under way is answered
    with sqlite3.connect(tmp_path / "a.ledger") as ledger:
        (lost,) = ledger.execute("SELECT count(*) FROM answer WHERE answer IS NULL").fetchone()
    ledger.close()
    assert lost <= 12
    with warns_of(lost):
        compare(chosen, tmp_path / "a.study")
    with sqlite3.connect(tmp_path / "a.ledger") as ledger:
        (asked_again,) = ledger.execute("SELECT count(*) FROM answer WHERE attempts > 1").fetchone()
        (of_runs,) = ledger.execute("SELECT total(attempts) FROM answer JOIN buyer USING (key)").fetchone()
        query = "SELECT total(attempts - 1) FROM answer JOIN buyer USING (key)"
        (twice,) = ledger.execute(query).fetchone()
    ledger.close()
    assert asked_again <= lost + 4  # of which four are asked again at the start
    whole, resumed = (without_key(runs(tmp_path / name)) for name in ("whole.study", "a.study"))
    attempts = [[row.pop("attempts") for row in rows] for rows in (whole, resumed)]
    assert resumed == whole and sum(row["shown"] for row in whole) > 60
    assert sum(attempts[1]) == of_runs == sum(attempts[0]) + twice and twice <= lost


def without_key(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "key"} for row in rows]


def warns_of(lost: int) -> Any:
    """Expect the sentence about images of which it is not known whether they were paid, if there are any."""
    return pytest.warns(SparseattackWarning, match=f"{lost} image") if lost else pytest.MonkeyPatch.context()


def test_two_processes_share_a_ledger(tmp_path: Path) -> None:
    """One waits for the pause that the other was told, and its turns are after the other's."""
    two = [AnswerLedger(tmp_path / "a.ledger", "s", "name", durable=False) for _ in range(2)]
    two[0].pause(5)
    assert two[1].paused and two[1].reserve(0, 9) > time.time() + 4
    turns = [one.reserve(2, 99) for one in (*two, *two)]
    assert np.diff(turns) == pytest.approx([2, 2, 2], abs=1e-6)
    two[0].send(["l"], None)
    two[0].refuse(["l"], "503")
    assert two[1].unanswered == 0
    two[0].send(["l"], None)
    assert two[1].unanswered == 1  # sent again, and nobody knows
    two[0].send(["k"], None)
    two[0].store({"k": b"answer"})
    two[1].store({"k": b"another"})
    assert two[1].known(["k", "l"]) == {"k": b"answer"} and two[1].attempts == 3
    for one in two:
        one.close()


def test_an_answer_that_another_process_stored_first_is_taken(server: OipServer, tmp_path: Path) -> None:
    """So that what is in the ledger gives the same results again."""
    made = oracle(server, f"binary=yes,ledger={tmp_path}/a.ledger")
    made(IMAGES[:1])
    other = AnswerLedger(tmp_path / "a.ledger", made.remote.ledger.service, "m", durable=False)  # type: ignore[union-attr]
    key = made.remote.key(eight_bit(IMAGES[1]).numpy(), 0)  # type: ignore[union-attr]

    def slow(images: NDArray[Any]) -> NDArray[Any]:
        other.store({key: b"<f8 " + np.arange(4.0).tobytes()})
        return linear(images)

    server.model = slow
    assert made(IMAGES[1:2]).tolist() == [[0, 1, 2, 3]]
    other.close()


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "https://host/v2/models/net/infer"])
def test_an_address_in_place_of_an_oracle_gets_the_form_that_works(address: str) -> None:
    model = "net" if "net" in address else "NAME"
    server = address.partition("/v2")[0]
    with pytest.raises(
        InputError, match=rf"give 'oip\(url={server},model={model}\)'.* 'http\(url={address},send=png"
    ):
        load("oracles", address)
