"""``Problem``: an oracle, an encoding, a fitness and a stopping criterion on images; evaluates queries."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from sparseattack.data.images import check_images, check_labels, eight_bit
from sparseattack.errors import OracleError, require, require_switches
from sparseattack.plugins.spec import Use, function_name
from sparseattack.problem.criteria import Until, stops_of
from sparseattack.problem.edits import Edits, Unit, touch
from sparseattack.problem.encodings.encoding import AnyEncoding, Decode, check_parts, decoder, unit_of
from sparseattack.problem.encodings.whole_images import WholeImages, most_of
from sparseattack.problem.evaluations import Evaluations, QueryBatch
from sparseattack.problem.fitness import (
    Fitness,
    Queries,
    fooled,
    fooling_l0,
    margin,
    margin_of,
    objectives_of,
)
from sparseattack.problem.inference import Classes, Sizes, score_edits, score_painted, sizes
from sparseattack.problem.mask import as_masks, check_mask, slot_genes, within
from sparseattack.problem.oracle import Classifier, Oracle
from sparseattack.problem.purity import Purity, purity
from sparseattack.problem.scale import Scale, report_scale, require_scores
from sparseattack.problem.space import Known, Space, masks_at, stream
from sparseattack.problem.verification import (
    Aim,
    Predictions,
    classify,
    repeats_of,
    report_chance,
    score_singly,
    verify_exactly,
)


@dataclass(frozen=True)
class Problem:
    """What ``attack()`` solves: fool the classifier on these images by changing a few pixels of each."""

    oracle: Oracle
    encoding: AnyEncoding
    images: Tensor  # (N, C, H, W) multiples of 1/255; their device is that of the whole attack
    labels: Tensor  # one per case, the class to leave, or to reach when targeted
    targeted: bool = False
    fitness: tuple[Fitness, ...] = (margin,)
    until: Until = fooled  # stopping criterion
    pad: int = 0  # calls are padded to multiples of so many images; 0 is what the oracle asks for
    cases: Tensor | None = None  # int64, indices of the images that are searched; by default each once
    sparse: bool | None = None  # whether answer_edits is used; None: if attack measures it to be faster
    repeat: bool = False  # evaluate duplicates too
    noisy: bool = False  # whether an image's scores differ by chance: most of several evaluations decide
    checked: bool = False  # whether the oracle is known to be a function of the image alone
    predictions: Predictions | None = None  # of the N clean images, where they are known already
    encode: Callable[[int], AnyEncoding] | None = None  # of so many pixels; by default the same, other slots
    mask: Tensor | None = None  # bool (H, W), or (N, H, W) one for each image, True where a pixel may change
    runs: tuple[str, ...] = ()  # a name for each case, by which a server's ledger knows what it has cost
    starts: Tensor | None = None  # (n, C, H, W) of each case, for strategies that begin with another image

    def __post_init__(self) -> None:
        """Refuse images that no 8-bit file holds, and shapes that do not fit."""
        check_parts(self.oracle, self.encoding, self.fitness, self.until)
        require_switches(targeted=self.targeted, repeat=self.repeat, noisy=self.noisy, checked=self.checked)
        require(self.pad >= 0, f"pad is a number of images, 0 for what the oracle asks for, not {self.pad}")
        check_images(self.images, self.encoding.slots, self.unit)
        check_labels(self.labels, self.images, self.cases)
        if self.mask is not None:
            check_mask(self.mask, self.images, self.encoding)
            object.__setattr__(self, "mask", self.mask.to(self.images.device))
        if self.images.is_inference():  # torch counts no writes to such a tensor
            with torch.inference_mode(False):
                object.__setattr__(self, "images", self.images.clone())

    @cached_property
    def classifier(self) -> Classifier:
        """The oracle with its facts as typed fields."""
        found = Classifier.of(self.oracle)
        return found.anew if self.noisy else found

    @cached_property
    def sizes(self) -> Sizes:
        """Images in one call of the oracle, and queries evaluated together."""
        return sizes(self.classifier, self.images, self.pad)

    @property
    def unit(self) -> Unit:
        """What the encoding counts as changed, and what k is a number of: pixels, or coordinates."""
        return unit_of(self.encoding)

    @cached_property
    def _decode(self) -> Decode:
        found = decoder(self.encoding, self.images)
        if self.mask is None:
            return found
        return within(self.mask, found, slot_genes(self.encoding, self.images))

    def decode(self, cases: Tensor, genes: Tensor) -> Edits:
        """The edits that genes ``(n, D)`` mean for ``cases (n,)``; with a mask, of allowed pixels."""
        return self._decode(genes, self._cases[cases])

    def space(
        self,
        rows: slice,
        budget: int,
        seed: int,
        key: str,
        *,
        uses: frozenset[Use] = frozenset(),
        scores: Callable[[], Tensor | None] = lambda: None,
    ) -> Space:
        """The search space of the cases ``rows``; ``key`` names the strategy in the random streams.

        It offers what the strategy ``uses``; ``scores`` gives those ``(B, P, K)`` of its last candidates.
        """
        first, most = self.fitness[0], most_of(self.encoding)
        pairs = zip(self._cases[rows].tolist(), self.labels[rows].tolist(), strict=True)
        known = Known(uses, partial(self._clean_values, rows))
        if "budget" in uses:
            known = replace(known, budget=budget)
        if isinstance(whole := self.encoding, WholeImages):
            known = replace(known, starts=whole.starts(self.starts, rows, self.images[self._cases[rows]]))
        if "image" in uses:
            known = replace(known, images=self.images[self._cases[rows]])
        if "scores" in uses:
            require_scores(key, str(self.classifier), self.clean.scale)
            known = replace(
                known,
                labels=self.labels[rows].clone(),
                scale=self.clean.scale,
                clean_scores=self._clean_scores(rows).float(),
                scores=scores,
            )
        return Space(
            self.encoding.genes(self.images.shape[1:]),
            self.encoding.slots,
            tuple(map(function_name, self.fitness)),
            tuple(stream(seed, key, self.images[image], label) for image, label in pairs),
            self.targeted,
            self.images.device,
            success_below=0.0 if first is margin else most + 1.0 if first is fooling_l0 else None,
            known=known,
            allowed=None if self.mask is None else masks_at(as_masks(self.mask), self._cases[rows]),
        )

    @cached_property
    def clean(self) -> Predictions:
        """The predictions of the N clean images, on the CPU; they cost no query."""
        found = self.predictions or classify(self.classifier, self.images, self.singles)
        self._classes.check(found.scores.shape[1], self._cases.cpu())
        self._take_scale(found.scale, found.scores)
        return found

    def succeed_clean(self) -> Tensor:
        """Mask ``(n,)``, on the CPU, of the cases that succeed without an edit; costs no query.

        Those are misclassified, nearly all of which a warning reports, or are of the target. OracleError.
        """
        scores, scale = self.clean.scores[self._cases.cpu()], self.clean.scale
        done = margin_of(scores, self.labels.cpu(), self.targeted, scale) < 0
        if not self.targeted:
            report_chance(f"{self.classifier}", int((~done).sum()), len(done), self._classes.count)
        return done

    def _clean_scores(self, rows: slice) -> Tensor:
        """Scores ``(n, K)`` of the clean images of the cases ``rows``."""
        return self.clean.scores[self._cases[rows].cpu()].to(self.images.device)

    @torch.inference_mode()
    def _clean_values(self, rows: slice) -> Tensor:
        """Values ``(n, M)`` of the clean images of the cases ``rows``: of edits that change no colour."""
        cases, labels, scores = self._cases[rows], self.labels[rows], self._clean_scores(rows)
        slots, values = torch.arange(self.encoding.slots, device=cases.device), []
        slots = slots % self.images.shape[2:].numel()  # there may be more coordinates than pixels
        for part in torch.split(torch.arange(len(cases), device=cases.device), self.sizes.round):
            where = slots.expand(len(part), -1)
            same = Edits(where, eight_bit(touch(self.images, cases[part], where)))
            clean = Queries(
                self.images, cases[part], same, scores[part], labels[part], self.targeted, self.clean.scale,
                self.unit,
            )  # fmt: skip
            values.append(objectives_of(self.fitness, clean))
        return torch.cat(values)

    def with_scale(self) -> "Problem":
        """The same problem with the scale that its oracle's scores of clean images have, if it is checked.

        Raises InputError for an oracle that is no function of the image alone.
        """
        scale = self.purity.scale
        return replace(self, oracle=self.classifier.with_scale(scale)) if scale else self

    def at(self, places: Tensor) -> "Problem":
        """The same problem on some of its cases only, by their index."""
        known = self._classes.scale
        oracle = self.classifier.with_scale(known) if known else self.oracle
        predictions = vars(self).get("clean", self.predictions)  # if they are known
        cases, labels = self._cases[places], self.labels[places]
        runs = tuple(self.runs[place] for place in places.tolist()) if self.runs else ()
        some = replace(self, oracle=oracle, cases=cases, labels=labels, predictions=predictions, runs=runs)
        return some if self.starts is None else replace(some, starts=self.starts[places])

    @torch.inference_mode()
    def evaluate(self, queries: QueryBatch) -> Evaluations:
        """Evaluate at most ``sizes.round`` queries: the only place that shows candidates to the oracle."""
        rows, edits, written = self._cases[queries.rows], queries.edits, self.images._version
        with self.classifier.buying_for(self._runs_of(queries.rows)):
            scores = self._scores(rows, edits).to(rows.device)
        labels = self.labels[queries.rows]
        scale = self._classes.scale_of(scores)
        scored = Queries(self.images, rows, edits, scores, labels, self.targeted, scale, self.unit)
        scored, verified = verify_exactly(self.classifier, scored, self.pad)
        scored, singles = self._decided(scored, queries.rows)
        return self._evaluations(scored, singles + verified, written, queries.scored)

    @torch.inference_mode()
    def evaluate_singly(self, queries: QueryBatch) -> Evaluations:
        """Evaluate each query as a single image, in a call of its own; this costs no query."""
        rows, edits, written = self._cases[queries.rows], queries.edits, self.images._version
        labels = self.labels[queries.rows]
        scores = self._single_scores(rows, edits, labels, queries.rows)
        scale = self._classes.scale_of(scores)
        scored = Queries(self.images, rows, edits, scores, labels, self.targeted, scale, self.unit)
        return self._evaluations(scored, torch.full_like(rows, self.singles), written)

    @cached_property
    def purity(self) -> Purity:
        """Whether the oracle is a function of the image alone; it is tried once, unless that is known."""
        known = self.checked or not len(self.images) or not len(self.labels)
        found = Purity(0, ()) if known else purity(self.classifier, self.images)
        if not self.noisy:
            found.require(self.classifier)
        if found.scale and found.scores is not None:
            self._take_scale(found.scale, found.scores)
        return found

    def _take_scale(self, scale: Scale, scores: Tensor) -> None:
        """Use the scale of ``scores (n, K)`` of clean images, not of what is searched first, from now on."""
        if self._classes.scale is None:
            report_scale(str(self.classifier), self.classifier.scale, scores)
            self._classes.scale = scale

    @property
    def singles(self) -> int:
        """How often an image is evaluated as a single one to decide about it."""
        return repeats_of(self.noisy)

    @cached_property
    def decides_singly(self) -> bool:
        """Whether the scores of a single image may be others than those in a batch."""
        sparse, exact = self.sparse and self.classifier.answer_edits is not None, self.classifier.exact
        return self.noisy or bool(sparse) or (self._rounding > 0 and bool(exact or self.sizes.chunk > 1))

    @cached_property
    def _rounding(self) -> float:
        return (self.classifier.exact or self.classifier).rounding_on(self.images.device)

    def _runs_of(self, cases: Tensor) -> list[str]:
        return [self.runs[case] for case in cases.tolist()] if self.runs and self.classifier.remote else []

    def _decided(self, queries: Queries, cases: Tensor) -> tuple[Queries, Tensor]:
        """The queries with the scores of single evaluations where these decide, and how many those were.

        They decide where the margin is within rounding of zero, and about every success of a noisy oracle.
        """
        if not self.decides_singly:
            return queries, torch.zeros_like(queries.rows)
        undecided = fooled(queries) if self.noisy else queries.near_zero(self._rounding)
        if not len(places := undecided.nonzero()[:, 0]):
            return queries, undecided.long()
        some = queries.take(places)
        single = self._single_scores(some.rows, some.edits, some.labels, cases[places])
        queries = replace(queries, scores=queries.scores.index_copy(0, places, single.to(queries.scores)))
        return queries, undecided.long() * self.singles

    def _single_scores(self, rows: Tensor, edits: Edits, labels: Tensor, cases: Tensor) -> Tensor:
        """Scores ``(n, K)`` of single evaluations."""
        classifier, painted = self.classifier.exact or self.classifier, edits.paint(self.images, rows)
        aim = Aim(labels, self.targeted) if self.noisy else None
        with classifier.buying_for(self._runs_of(cases) * self.singles, verifying=True):
            scores = score_singly(classifier, painted, rows, aim)
        self._classes.check(scores.shape[1], rows)
        return scores.to(rows.device)

    def _evaluations(self, scored: Queries, singles: Tensor, written: int, keep: bool = False) -> Evaluations:
        success = fooled(scored) & (few := (pixels := scored.changed) <= most_of(self.encoding))
        stop = stops_of(self.until, replace(scored, scores=scored.scores.clone())) & few
        values = objectives_of(self.fitness, scored)
        if self.images._version != written:
            names = ", ".join(map(function_name, self.fitness))
            raise OracleError(
                f"answer_edits of {self.classifier}, a fitness function ({names}) or the stopping criterion"
                " wrote to the clean images in place: it must make copies"
            )
        wanted = scored.scores.float() if keep else values[:, :0]
        return Evaluations(values, pixels, success, stop, singles, wanted)

    def _scores(self, rows: Tensor, edits: Edits) -> Tensor:
        scores = score_edits(self.classifier, self.images, rows, edits) if self.sparse else None
        if scores is None:
            scores = score_painted(self.classifier, self.images, rows, edits, self.pad)
        self._classes.check(scores.shape[1], rows)
        return scores

    @cached_property
    def _cases(self) -> Tensor:
        cases = torch.arange(len(self.images)) if self.cases is None else self.cases
        return cases.to(self.images.device)

    @cached_property
    def _classes(self) -> Classes:
        image = int(self.labels.argmax())
        who, scale = str(self.classifier), self.classifier.scale
        return Classes(who, int(self.labels[image]), int(self._cases[image]), scale)
