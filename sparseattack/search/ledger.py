"""Queries, first success and best candidate of every image of a group, in the order of its queries."""

from dataclasses import dataclass
from warnings import warn

import torch
from torch import Tensor

from sparseattack.errors import SparseattackWarning
from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings.whole_images import most_of
from sparseattack.problem.evaluations import Evaluations, QueryBatch
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Journal
from sparseattack.search.outcome import Outcome, Point

BUFFER = 2**18  # genes of evaluated candidates that may wait to be recorded: 1 MB
BLOCK = 256  # candidates compared with one another at a time
NO_SUCCESS = torch.iinfo(torch.int64).max  # ranks after any number of pixels
MET = -1  # ranks before any number of pixels


class Ledger:
    """One entry for each of the ``B`` images of a group.

    An image's best candidate is a success that meets the stopping criterion, or else the success with fewest
    pixels, or else the candidate of lowest first value; equals are ranked by that value.
    """

    def __init__(self, problem: Problem, count: int, clean: Tensor | None = None) -> None:
        """``clean (B,)`` are the values of the clean images, where candidates are compared with them."""
        self.problem, self.clean = problem, clean
        device, objectives = problem.images.device, len(problem.fitness)
        dims = len(problem.encoding.genes(problem.images.shape[1:]))
        zero = torch.zeros(count, dtype=torch.int64, device=device)
        # cost
        self.queries = zero  # (B,) charged
        self.duplicates = zero  # (B,) of these, not evaluated
        self.flat = zero  # (B,) of the queries, those of exactly the clean image's value
        self.verifications = zero  # (B,) evaluations singly or in full precision, which cost no query
        self.oracle_seconds = torch.zeros_like(zero, dtype=torch.float32)  # (B,)
        self.strategy_seconds = 0.0  # of every image that is still searched
        # the best candidate
        self.genes = torch.zeros(count, dims, device=device)  # (B, D)
        self.values = torch.full((count, objectives), torch.inf, device=device)  # (B, M)
        self.pixels = zero  # (B,) that it changes
        self.rank = torch.full_like(zero, NO_SUCCESS)  # (B,) MET, or pixels of a success, or NO_SUCCESS
        self.unverified = torch.zeros_like(zero, dtype=torch.bool)  # (B,) a success that is none singly
        # the course of the search
        self.first_fooled = zero  # (B,) position of the first success from 1; 0 is never
        self.lowest = self.values[:, 0]  # (B,) lowest first value
        self.traces: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        self.fronts = [Front.empty(dims, objectives) for _ in range(count if objectives > 1 else 0)]
        self._recorded = zero  # (B,) queries
        self._buffer: list[tuple[Tensor, Tensor, Evaluations]] = []

    def charge(self, queries: Tensor, evaluated: Tensor, seconds: float) -> None:
        """Charge ``queries (B,)``, of which ``evaluated (B,)`` were distinct and took ``seconds`` each."""
        self.queries = self.queries + queries
        self.duplicates = self.duplicates + queries - evaluated
        self.oracle_seconds = self.oracle_seconds + evaluated * seconds

    def record(self, candidates: Tensor, asked: Tensor, evaluations: Evaluations) -> None:
        """Record the evaluations ``(B, P)`` of the candidates ``(B, P, D)`` that were ``asked (B, P)``.

        Several generations are buffered and recorded together: for small ones that saves much time.
        """
        self._buffer.append((candidates, asked, evaluations))
        if len(self._buffer) * candidates.numel() >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Record what is buffered."""
        if self._buffer:
            candidates, asked, evaluations = zip(*self._buffer, strict=True)
            whole = Evaluations.concatenate(evaluations, dim=1)
            self._record(torch.cat(candidates, dim=1), torch.cat(asked, dim=1), whole)
            self._buffer.clear()

    def _record(self, candidates: Tensor, asked: Tensor, evaluations: Evaluations) -> None:
        seen = asked & (evaluations.stop.cumsum(1) - evaluations.stop.long() == 0)  # up to the first stop
        order = self._recorded.unsqueeze(1) + asked.cumsum(1)
        success = evaluations.fooled & seen
        first = order.masked_fill(~success, NO_SUCCESS).amin(1)
        new = success.any(1) & (self.first_fooled == 0)
        self.first_fooled = self.first_fooled + first.masked_fill(~new, 0)
        self._recorded = self._recorded + asked.sum(1)
        if self.clean is not None:
            same = evaluations.values[..., 0] == self.clean.unsqueeze(1)
            self.flat = self.flat + (same & asked).sum(1)
        rank = evaluations.pixels.masked_fill(~success, NO_SUCCESS)
        rank = rank.masked_fill(evaluations.stop & success, MET)
        values = evaluations.values.masked_fill(~seen.unsqueeze(2), torch.inf)
        self._update_best(candidates, values, evaluations.pixels, rank)
        self._update_trace(values[..., 0], order)
        for place, front in enumerate(self.fronts):
            if (here := seen[place]).any():
                front.add(candidates[place, here], values[place, here])

    def _update_best(self, candidates: Tensor, values: Tensor, pixels: Tensor, rank: Tensor) -> None:
        """Replace each image's candidate by the one of first rank, then lowest value, if that is better."""
        first = rank.amin(1)
        pick = values[..., 0].masked_fill(rank != first.unsqueeze(1), torch.inf).argmin(1)
        rows = torch.arange(len(pick), device=pick.device)
        lower = values[rows, pick, 0] < self.values[:, 0]
        better = (first < self.rank) | (first == self.rank) & lower
        column = better.unsqueeze(1)
        self.genes = torch.where(column, candidates[rows, pick], self.genes)
        self.values = torch.where(column, values[rows, pick], self.values)
        self.rank = torch.where(better, first, self.rank)
        self.pixels = torch.where(better, pixels[rows, pick], self.pixels)

    def _update_trace(self, values: Tensor, order: Tensor) -> None:
        """Append every query whose first value is below all before it."""
        before = torch.cat([self.lowest.unsqueeze(1), values], 1).cummin(1).values
        improved = values < before[:, :-1]
        self.lowest = before[:, -1]
        where = improved.nonzero(as_tuple=True)
        columns = (column.tolist() for column in (where[0], order[where], values[where]))
        for place, query, value in zip(*columns, strict=True):
            self.traces[place].append((query, value))

    def evaluate_best(self, places: list[int], first: int) -> None:
        """Replace the values of the best candidates at ``places`` by those of single evaluations.

        A candidate's values may differ in their last bits with the batch that it was evaluated in; ``first``
        is the number of the group's first image in the problem. A success that is none then is unverified.
        """
        here = torch.tensor(places, device=self.queries.device)
        here = here[self.queries[here] > 0]
        if not (len(here) and self.problem.decides_singly):
            return
        edits = self.problem.decode(first + here, self.genes[here])
        single = self.problem.evaluate_singly(QueryBatch(first + here, edits))
        self.values = self.values.index_copy(0, here, single.values)
        self.verifications = self.verifications.index_add(0, here, single.singles)
        unverified = (self.first_fooled[here] > 0) & ~single.fooled
        self.unverified = self.unverified.index_copy(0, here, unverified)
        if (count := int(unverified.sum())) and not self.problem.noisy:
            warn(
                f"{count} {'success' if count == 1 else 'successes'} of queries to {self.problem.classifier}"
                " failed when the edit was evaluated as a single image, and count as failures: its scores"
                " depend on more than the image, or an encoding's edits on more than the candidate;"
                " sparseattack check ORACLE and sparseattack check ENCODING try it",
                SparseattackWarning,
                stacklevel=1,  # one place, so that it is shown once
            )

    def outcome(self, place: int, image: int, journal: Journal) -> Outcome:
        """The outcome of the image at ``place`` of the group, which is case ``image`` of the problem.

        Everything must have been recorded: ``flush`` first.
        """
        remote, cases = self.problem.classifier.remote, self.problem.cases
        evaluated = int(self.queries[place] - self.duplicates[place])
        shown, attempts = remote.bought_for(self.problem.runs[image]) if remote else (evaluated, 0)
        clean = self.problem.images[image if cases is None else int(cases[image])]
        edits = self._edits(image, self.genes[place : place + 1])
        if edits.positions.shape[1] > most_of(self.problem.encoding):  # of a whole image, what differs
            edits = edits.differing(clean)
        return Outcome(
            image=image,
            positions=edits.positions[0].cpu().numpy(),
            colours=edits.colours[0].cpu().numpy(),
            values=tuple(self.values[place].tolist()),
            pixels=int(self.pixels[place]),
            queries=int(self.queries[place]),
            repeats=int(self.duplicates[place]),
            verifications=int(self.verifications[place]),
            shown=shown,
            attempts=attempts,
            flat=int(self.flat[place]),
            first_fooled=int(self.first_fooled[place]),
            met=int(self.rank[place]) == MET,
            unverified=bool(self.unverified[place]),
            restarts=journal.restarts.get(place, 0),
            oracle_seconds=float(self.oracle_seconds[place]),
            strategy_seconds=self.strategy_seconds,
            trace=tuple(self.traces[place]),
            front=self._points(image, self.fronts[place]) if self.fronts else (),
            error=journal.errors.get(place, ""),
            clean=clean,
        )

    def _edits(self, case: int, genes: Tensor) -> Edits:
        """The edits of genes ``(n, D)`` for one case of the problem."""
        device = self.problem.images.device
        return self.problem.decode(torch.full((len(genes),), case, device=device), genes.to(device))

    def _points(self, case: int, front: "Front") -> tuple[Point, ...]:
        edits = self._edits(case, front.genes)
        columns = front.values.tolist(), edits.positions.cpu().numpy(), edits.colours.cpu().numpy()
        return tuple(Point(tuple(values), *edit) for values, *edit in zip(*columns, strict=True))


@dataclass
class Front:
    """The Pareto front of all candidates of one image: no other is as low in every value and lower in one."""

    genes: Tensor  # (n, D)
    values: Tensor  # (n, M)

    @classmethod
    def empty(cls, dims: int, objectives: int) -> "Front":
        """No candidates yet."""
        return cls(torch.empty(0, dims), torch.empty(0, objectives))

    def add(self, genes: Tensor, values: Tensor) -> None:
        """Add candidates ``(P, D)`` with values ``(P, M)`` unless dominated; of equals the first stays."""
        parts = zip(torch.split(genes.cpu(), BLOCK), torch.split(values.cpu(), BLOCK), strict=True)
        for more_genes, more_values in parts:
            every = torch.cat([self.values, more_values])
            best = undominated(every)
            self.genes, self.values = torch.cat([self.genes, more_genes])[best], every[best]


def undominated(values: Tensor) -> Tensor:
    """Mask ``(n,)`` of the rows of ``(n, M)`` that no other dominates, the first of equals."""
    a, b = values.unsqueeze(1), values.unsqueeze(0)  # [i, j] compares b = j with a = i
    dominated = (b <= a).all(2) & (b < a).any(2)
    earlier = torch.ones(len(values), len(values), dtype=torch.bool).tril(-1)
    repeated = (a == b).all(2) & earlier
    return ~(dominated | repeated).any(1)
