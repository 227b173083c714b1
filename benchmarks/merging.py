"""How long a merge of many shards takes, and a report of the result: ``python -m benchmarks.merging --help``.

The shards are made up, at the rate of the disk: random results of a plan of many images, strategies and
seeds, each file with the facts, images, checksums and nested columns that a real one has. The commands are
run as a person runs them, in processes of their own, whose time and memory are those that the system gives.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.commands import measure
from sparseattack.experiment.identity import ProbeScores, Question, run_key
from sparseattack.experiment.settings import Experiment
from sparseattack.provenance import Environment, digest
from sparseattack.study.database import transaction
from sparseattack.study.executors.shard import Shard
from sparseattack.study.facts import FinishedShard, ImageList, Method, RequestedMethod, StudyRequest
from sparseattack.study.store import Study
from sparseattack.study.tables import TABLES, ImageRow, details_of, row_checksum

BUDGET, CLASSES, SIDE = 10_000, 1000, 224
SEEDS = tuple(range(5))
QUESTION = Question("oracle", "logits", "none", "label", False, False, "success")
MACHINE = Environment("Linux", "a processor", 16, 1, "cpu", {"python": "3.11", "torch": "2.13"})


def plan(images: int, strategies: int) -> tuple[StudyRequest, ImageList]:
    """What all shards were asked for: every image with every strategy and seed."""
    keys = tuple(digest(["image", image]) for image in range(images))
    methods = [
        Method(digest(["method", each]), f"strategy{each}", "", "rgb", "margin", ("margin",), 1, BUDGET, ())
        for each in range(strategies)
    ]
    request = StudyRequest(
        experiment=Experiment(
            tuple(method.strategy for method in methods), seeds=SEEDS, oracle="network", budget=BUDGET
        ),
        created="2026-01-01T00:00:00+00:00",
        methods=tuple(RequestedMethod(method, SEEDS) for method in methods),
        images=ImageList(keys).part,
        runs={str(seed): (1,) * images for seed in SEEDS},
        shapes=((images, 3, SIDE, SIDE),),
        oracle="network",
        oracle_settings={},
        classes=("",) * CLASSES,
        correct=images,
        eligible=images,
        left_out=0,
        checks=18,
        evaluations=images,
        block=32,
        notes=(),
    )
    return request, ImageList(keys)


def rows(request: StudyRequest, images: ImageList, shard: Shard) -> Iterator[dict[str, object]]:
    """The runs of one shard: a third are successes, and the objective falls some ten times in each."""
    chance = random.Random(shard.number)
    runs = len(request.methods) * len(SEEDS) * len(images.keys)
    for place in range(shard.number - 1, runs, shard.count):
        rest, image = divmod(place, len(images.keys))
        one, seed = request.methods[rest // len(SEEDS)], SEEDS[rest % len(SEEDS)]
        fooled = chance.randrange(1, BUDGET) if chance.random() < 1 / 3 else 0
        queries, best, trace = fooled or BUDGET, 5.0, [[1, 5.0]]
        for query in sorted(chance.sample(range(2, BUDGET), 10)):
            best -= chance.random() / 2
            trace += [[query, best]] if query < queries else []
        row: dict[str, object] = dict.fromkeys(TABLES["run"], 0) | {
            "key": run_key(QUESTION.key, one.method.key, images.keys[image], -1, seed),
            "method": one.method.key, "strategy": one.method.strategy, "encoding": "rgb",
            "fitness": "margin", "k": 1, "seed": seed, "image_key": images.keys[image], "target": -1,
            "budget": BUDGET, "success": int(fooled > 0), "cost": queries, "first_fooled": fooled,
            "met": int(fooled > 0), "queries": queries,
            "verifications": 1, "verified": int(fooled > 0), "value": trace[-1][1], "pixels": 1,
            "l2": chance.random(), "distortion": 255 * chance.random(), "oracle_seconds": chance.random(),
            "strategy_seconds": chance.random(), "after_class": image % CLASSES if fooled else -1,
            "after_confidence": chance.random(), "positions": json.dumps([chance.randrange(SIDE**2)]),
            "colours": json.dumps([[chance.randrange(256) for _ in range(3)]]), "trace": json.dumps(trace),
            "front": "[]", "error": "", "environment": MACHINE.key,
        }  # fmt: skip
        row["details"] = details_of(row)
        yield row | {"checksum": row_checksum("run", row)}


def write_shard(path: Path, request: StudyRequest, images: ImageList, shard: Shard) -> None:
    """A file as `sparseattack compare --shard` leaves it."""
    marks = ", ".join(f":{name}" for name in TABLES["run"])
    held = list(rows(request, images, shard))
    used = {str(row["image_key"]) for row in held}
    finished = FinishedShard(shard.number, shard.count, request.part)
    with Study.create(path) as study:
        study.connection.execute("PRAGMA synchronous=OFF")
        facts = (QUESTION, ""), (ProbeScores((3, SIDE, SIDE), ((0.5,) * CLASSES,) * 4), "")
        for fact, part in (*facts, (request, request.part), (images, images.part), (finished, finished.part)):
            study.set(fact, part)
        study.add_environment(MACHINE)
        shape = f"3x{SIDE}x{SIDE}"
        study.add_images(
            ImageRow(key, f"val/{key[:8]}.JPEG", key, shape, place % CLASSES, place % CLASSES, 0.9)
            for place, key in enumerate(images.keys)
            if key in used
        )
        with transaction(study.connection):
            study.connection.executemany(f"INSERT INTO run VALUES ({marks})", held)


def main(arguments: list[str]) -> None:
    """Make the shards, merge them twice, and report."""
    parser = argparse.ArgumentParser("python -m benchmarks.merging", description=__doc__)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--strategies", type=int, default=20, help="runs are images x strategies x 5 seeds")
    parser.add_argument("--folder", type=Path, help="where the files are made; a temporary one by default")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(dir=chosen.folder) as name:
        folder, start = Path(name), perf_counter()
        request, images = plan(chosen.images, chosen.strategies)
        shards = [Shard(chosen.shards, number) for number in range(1, chosen.shards + 1)]
        files = [shard.file(Path("a.study")).name for shard in shards]
        for shard, file in zip(shards, files, strict=True):
            write_shard(folder / file, request, images, shard)
        size = sum((folder / file).stat().st_size for file in files)
        runs = chosen.images * chosen.strategies * len(SEEDS)
        print(
            f"{runs:,} runs in {len(files):,} shards, {size / 2**20:,.0f} MiB, made in"
            f" {perf_counter() - start:.0f} s",
            flush=True,
        )
        commands = {
            "merge": ("merge", "a.study", *files),
            "merge again": ("merge", "a.study", *files),
            "report": ("report", "a.study"),
            "report --json": ("report", "a.study", "--json"),
            "report --html": ("report", "a.study", "--html", "a.html"),
            "studies": ("studies", "--json"),
        }
        for title, words in commands.items():
            cost = measure(*words, folder=folder)
            print(
                f"{title}: {cost.seconds:.1f} s, {cost.processor:.1f} s of processor time,"
                f" {cost.memory:,.0f} MiB at most",
                flush=True,
            )
        for title, file in (("merged file", "a.study"), ("page", "a.html")):
            print(f"{title}: {(folder / file).stat().st_size / 2**20:,.1f} MiB")


if __name__ == "__main__":
    main(sys.argv[1:])
