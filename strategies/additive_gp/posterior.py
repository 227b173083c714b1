"""Posterior of the effects of all arms of several images, given the sums of effects that queries showed."""

from collections.abc import Sequence
from copy import copy

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from .kernel import BLOCK, Hyperparameters, Kernel
from .sums import in_order, squares

LEAST, TINY = 1e-4, 1e-12  # variances of a query and of an arm, at least
TRACKED = 9  # arms of an incumbent up to which their covariances are at hand
TOGETHER = 16  # images whose means and proposals are made at once, which bounds the memory
LEARNT = 10, 30, 100  # numbers of queries at which the hyperparameters are chosen anew
GIVEN = "weights", "setting", "queries", "factor"  # by these, covariances are known
STATE = (
    *(*GIVEN, "mean", "prior_mean", "variance", "covariances", "incumbent"),
    *("errors", "prior_errors", "changes"),
)


class Posterior:
    """Gaussian process posteriors of A effects on J scores for B images, by an exact update for each query.

    A query of k arms observes the sum of their effects, and noise. The covariances are the same for all
    scores, and in units of ``scale``, which is learnt from the errors of the predictions so far; of ``grid``
    the hyperparameters of the highest marginal likelihood are used, for each image its own. Query t costs
    O(t^2 + A (n + m)) time an image, and all of them O(t^2 + A) memory. After ``window`` queries the
    posterior becomes the prior of a new process: means and variances stay, correlations are the prior's.

    All images have had the same number of queries. What is computed for one has the same bits whatever
    others there are: elementwise, by a product, factor or solution of its own matrices, or by a sum over the
    last dimension.
    """

    def __init__(
        self,
        weights: Tensor,
        kernel: Kernel,
        grid: Sequence[Hyperparameters],
        scores: int,
        window: int,
        *,
        downhill: float = 0.0,
    ) -> None:
        """With the ``weights (B, F, A)`` of the arms on the fields of a kernel, in the order of its cells.

        Each effect is expected to be so many of its standard deviations below 0 as ``downhill`` says.
        """
        self.kernel, self.grid, self.window, self.count = kernel, grid, window, 0
        count = len(weights)
        self.mean = weights.new_zeros(count, scores, weights.shape[2])  # (B, J, A)
        self.errors = weights.new_zeros(count)  # sums of the mean squared standardised errors
        self.setting = torch.zeros(count, dtype=torch.int64, device=weights.device)  # of the grid
        self.incumbent = self.setting[:, None][:, :0]
        self.covariances = weights.new_zeros(count, 0, weights.shape[2])  # (B, k, A) of its arms, if few
        self.prior_mean: Tensor | None = None  # (B, J or 1, A); None is 0
        self._begin(weights)
        if downhill:
            self.prior_mean = self.variance.sqrt().mul_(-downhill)[:, None]
            self.mean += self.prior_mean

    def _begin(self, weights: Tensor) -> None:
        """Start without queries, with the mean as it is and variances of the ``weights``."""
        self.weights, self.prior_errors = weights, self.errors
        self.variance = self._prior_variance()  # (B, A)
        self.queries = torch.zeros(len(weights), 0, 0, dtype=torch.int64, device=weights.device)  # (B, t, k)
        self.changes = self.mean.new_zeros(*self.mean.shape[:2], 0).mT  # (B, t, J), less the prior mean
        # Cholesky factors (B, T, T) of the queries' covariances, with ones below for further queries
        self.factor = weights.new_zeros(len(weights), 0, 0)
        self._track()

    def _prior_variance(self) -> Tensor:
        return in_order(self.weights.square().unbind(1))

    def _renew(self) -> None:
        """Start anew from a prior whose means and variances are those of this posterior."""
        share = self.variance.clamp(min=0) / self._prior_variance().clamp(min=TINY)
        self.prior_mean = self.mean.clone()
        self._begin(self.weights * share.sqrt()[:, None])

    def keep(self, places: Sequence[int]) -> None:
        """Keep the images ``places``, in that order."""
        for name in STATE:
            if (each := getattr(self, name)) is not None:
                setattr(self, name, each[places])

    def known(self, places: Sequence[int] | slice) -> "Posterior":
        """What the covariances of the images ``places`` are known by; a slice takes no memory."""
        some = copy(self)
        for name in GIVEN:
            setattr(some, name, getattr(self, name)[places])
        return some

    @property
    def shares(self) -> Tensor:
        """Variances ``(B, lengths + 1)`` of contrast, of each image's hyperparameters."""
        return self.weights.new_tensor([each.shares for each in self.grid])[self.setting]

    @property
    def noise(self) -> Tensor:
        """Variances ``(B,)`` of a query for each of its pixels."""
        return self.weights.new_tensor([each.noise for each in self.grid])[self.setting]

    @property
    def scale(self) -> Tensor:
        """Scales ``(B,)`` of the effects: the standardised errors of all predictions say if 1 was right."""
        return ((self.errors + 1) / (self.count + 1)).sqrt()

    def observe(self, arms: Tensor, change: Tensor) -> None:
        """Update by a query of ``arms (B, k)`` that changed the scores by ``change (B, J)``."""
        if self.queries.shape[1] >= self.window:
            self._renew()
        sets, each = arms[:, None], arms[:, None].expand(-1, change.shape[1], -1)
        spread = self._spread(self._sources(sets))
        own = self._own_sums(spread, sets)[:, 0] + self.noise * arms.shape[1]
        row, inner = self._explained(spread)
        deviation = (own - squares(inner)[:, 0]).clamp(min=LEAST).sqrt()
        row = row[:, 0] / deviation[:, None]
        error = (change - self.mean.gather(2, each).sum(2)) / deviation[:, None]
        across = row.gather(1, self.incumbent[:, : self.covariances.shape[1]])
        for first in range(0, len(row), TOGETHER):
            part = slice(first, first + TOGETHER)
            self.mean[part].add_(error[part, :, None] * row[part, None])
            self.covariances[part].sub_(across[part, :, None] * row[part, None])
        self.variance -= row.square()
        self.errors, self.count = self.errors + error.square().mean(1), self.count + 1
        before: Tensor | float = 0.0
        if self.prior_mean is not None:
            before = self.prior_mean.expand_as(self.mean).gather(2, each).sum(2)
        inner = inner[:, : self.queries.shape[1], 0]
        self._append(arms, change - before, torch.cat([inner, deviation[:, None]], 1))
        if self.queries.shape[1] in LEARNT:
            for place in range(len(arms)):  # one after another, which bounds the memory
                self._learn(place)

    def follow(self, places: list[int], arms: Tensor) -> None:
        """Take ``arms (B, k)`` as the incumbents of the images ``places``; the first time, of all."""
        if self.incumbent.shape[1] == arms.shape[1]:
            self.incumbent[places] = arms[places]
            self._track(places)
        else:
            self.incumbent = arms
            self._track()

    def _track(self, places: Sequence[int] | None = None) -> None:
        """Have the covariances of the incumbent's arms, if few, with all arms at hand."""
        if not 0 < self.incumbent.shape[1] <= TRACKED:
            return
        if places is None:
            self.covariances = self.covariance(self.incumbent[:, :, None])
        elif places:
            found = self.known(places).covariance(self.incumbent[places][:, :, None])
            self.covariances[places] = found

    def covariance(self, sets: Tensor) -> Tensor:
        """Posterior covariances ``(B, s, A)`` of the sums over ``sets (B, s, k)`` with all arms."""
        return self._explained(self._spread(self._sources(sets)))[0]

    def variances(self, sets: Tensor) -> Tensor:
        """Posterior variances ``(B, s)`` of the sums over ``sets (B, s, k)``."""
        spread = self._spread(self._sources(sets))
        return self._own_sums(spread, sets) - squares(self._inner(spread))

    def draw(self, streams: Sequence[np.random.Generator]) -> Tensor:
        """A draw of all effects ``(B, A)`` less their mean, in units of the scale (Matheron's rule).

        It is a draw of the prior, less what the queries would have shown of it.
        """
        count, slots = self.queries.shape[1:]
        shape = self.kernel.numbers(self.weights.shape[1]), *self.kernel.lattice
        drawn = [[each.standard_normal(size, np.float32) for size in (shape, count)] for each in streams]
        normal, noise = (
            torch.from_numpy(np.stack(each)).to(self.weights, copy=True) for each in zip(*drawn, strict=True)
        )
        fields = self.kernel.draw(normal, self.shares)[:, :, None]
        if count:
            seen = self._sums(fields, self.queries)[:, 0] + noise * (self.noise * slots).sqrt()[:, None]
            factors = self._solved(self._whitened(seen[:, None]))
            fields = fields - self._spread(self._sources(self.queries, factors))
        return self._on_arms(fields)[:, 0]

    def _append(self, arms: Tensor, change: Tensor, row: Tensor) -> None:
        """Note a query, and its row ``(B, t + 1)`` of the Cholesky factor."""
        images, count = self.queries.shape[:2]
        if count == self.factor.shape[1]:
            more = torch.eye(BLOCK, device=row.device).expand(images, -1, -1)
            self.factor = pad(self.factor, (0, BLOCK, 0, BLOCK))
            self.factor[:, count:, count:] = more
        self.factor[:, count, : count + 1] = row
        self.queries = torch.cat([self.queries.view(images, count, arms.shape[1]), arms[:, None]], 1)
        self.changes = torch.cat([self.changes, change[:, None]], 1)

    def _learn(self, place: int) -> None:
        """Choose the hyperparameters of the highest marginal likelihood; start anew if they are others."""
        some = copy(self)
        some.keep([place])
        sources, best, chosen = some._sources(some.queries), -torch.inf, int(some.setting)
        parts = [self.kernel.contrast(sources[:, 0], number) for number in range(some.shares.shape[1])]
        at = some._at(some.queries)
        summed = [some._field_sums(part, some.queries, at, 0)[0] for part in parts]
        rest = some._sums(self.kernel.spread(sources, some.shares.new_zeros(1, len(parts))), some.queries)[0]
        noise = some.queries.shape[2] * torch.eye(len(rest), device=rest.device)
        (changes,), errors = some.changes, some.prior_errors[0]
        for setting, hyperparameters in enumerate(self.grid):
            every = rest + hyperparameters.noise * noise
            for share, part in zip(hyperparameters.shares, summed, strict=True):
                every = every + share * part
            root = torch.linalg.cholesky(every)
            whitened = torch.linalg.solve_triangular(root, changes, upper=False)
            square = (errors + whitened.square().mean(1).sum() + 1) / (self.count + 1)
            fit = -root.diagonal().log().sum() - len(root) / 2 * square.log() + hyperparameters.log_prior
            if fit > best:
                best, chosen, factor, found = float(fit), setting, root, whitened
        if chosen != int(some.setting):
            some._restart(chosen, factor, found)
            for name in STATE:
                if (each := getattr(self, name)) is not None:
                    each[place] = getattr(some, name)[0]

    def _restart(self, setting: int, factor: Tensor, errors: Tensor) -> None:
        """Compute the posterior of one image by others, given their Cholesky factor and errors."""
        count = len(factor)
        self.factor[0, :count, :count] = factor
        self.setting = torch.full_like(self.setting, setting)
        across = self._on_arms(self._spread(self._sources(self.queries)))[0]  # (t, A)
        rows = torch.linalg.solve_triangular(factor, across, upper=False)
        self.mean = (errors.mT @ rows)[None] + (0.0 if self.prior_mean is None else self.prior_mean)
        self.variance = self._prior_variance() - rows.square().sum(0)
        self.errors = self.prior_errors + errors.square().mean(1).sum()
        self._track()

    def _explained(self, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Covariances ``(B, s, A)`` of all arms with ``spread`` sums, less what the queries explain of them.

        And the whitened covariances ``(B, T, s)`` of the queries with them.
        """
        inner = self._inner(spread)
        if inner.shape[1]:
            spread = spread - self._spread(self._sources(self.queries, self._solved(inner)))
        return self._on_arms(spread), inner

    def _inner(self, spread: Tensor) -> Tensor:
        """Whitened covariances ``(B, T, s)`` of the queries with ``spread`` sums."""
        if not self.queries.shape[1]:
            return self.factor.new_zeros(len(spread), 0, spread.shape[2])
        return self._whitened(self._sums(spread, self.queries))

    def _whitened(self, across: Tensor) -> Tensor:
        """Whitened ``(B, T, s)``, of numbers ``(B, s, t)`` of the queries."""
        padded = pad(across, (0, self.factor.shape[1] - across.shape[2]))
        inner: Tensor = torch.linalg.solve_triangular(self.factor, padded.mT, upper=False)
        return inner

    def _solved(self, inner: Tensor) -> Tensor:
        """Weights ``(B, s, t)`` of the queries, given whitened ``(B, T, s)``."""
        weights: Tensor = torch.linalg.solve_triangular(self.factor.mT, inner, upper=True)
        return weights.mT[:, :, : self.queries.shape[1]]

    def _at(self, sets: Tensor) -> tuple[Tensor, Tensor]:
        """Cells ``(B, 1, q)`` and weights ``(B, F, q)`` of the arms ``sets (B, ...)``, one after another."""
        arms = sets.flatten(1)[:, None]
        n, m = self.kernel.lattice
        return arms % (n * m), self.weights.gather(2, arms.expand(-1, self.weights.shape[1], -1))

    def _sources(self, sets: Tensor, factors: Tensor | None = None) -> Tensor:
        """Weights of the fields at the cells of ``sets (B, s, k)``: ``(B, F, s, n, m)``.

        With ``factors (B, j, s)`` their weighted sums, ``(B, F, j, n, m)``. A cell may be in several sets.
        """
        n, m = self.kernel.lattice
        cells, weights = self._at(sets)
        images, count, slots = sets.shape
        if factors is None:
            cells, weights = cells.view(images, 1, count, slots), weights.view(images, -1, count, slots)
        else:
            weights = weights[:, :, None] * factors.repeat_interleave(slots, 2)[:, None]
            cells = cells[:, :, None]
        found = weights.new_zeros(weights[..., 0].numel() * n * m)
        first = torch.arange(0, len(found), n * m, device=found.device).view(*weights.shape[:3], 1)
        found.index_put_((first + cells,), weights, accumulate=True)
        return found.view(*weights.shape[:3], n, m)

    def _spread(self, sources: Tensor) -> Tensor:
        return self.kernel.spread(sources, self.shares)

    def _on_arms(self, spread: Tensor) -> Tensor:
        """Covariances ``(B, j, A)`` of all arms, given those of all cells ``(B, F, j, n, m)``."""
        fields = spread.flatten(3)[:, :, :, None].unbind(1)  # (B, j, 1, N)
        weights = self.weights.view(*self.weights.shape[:2], 1, -1, fields[0].shape[3]).unbind(1)
        found = fields[0] * weights[0]
        for field, weight in zip(fields[1:], weights[1:], strict=True):
            found.add_(field * weight)
        return found.flatten(2)

    def _own_sums(self, spread: Tensor, sets: Tensor) -> Tensor:
        """Covariances ``(B, s)`` of ``spread`` sums, each with the sum over its own set of ``(B, s, k)``."""
        cells, weights = (each.view(len(sets), -1, *sets.shape[1:]) for each in self._at(sets))
        parts = (spread.flatten(3).gather(3, cells.expand_as(weights)) * weights).sum(3)
        return in_order(parts.unbind(1))

    def _sums(self, spread: Tensor, sets: Tensor) -> Tensor:
        """Covariances ``(B, j, s)`` of ``spread`` sums with the sums over ``sets (B, s, k)``."""
        at = self._at(sets)
        return in_order(self._field_sums(spread[:, each], sets, at, each) for each in range(spread.shape[1]))

    def _field_sums(self, field: Tensor, sets: Tensor, at: tuple[Tensor, Tensor], number: int) -> Tensor:
        """The part ``(B, j, s)`` of a field in the covariances, given those of cells ``(B, j, n, m)``.

        ``at`` has the cells and weights of the ``sets``.
        """
        cells, weights = at
        found = field.flatten(2).gather(2, cells.expand(-1, field.shape[1], -1))
        return (found * weights[:, number, None]).view(*found.shape[:2], *sets.shape[1:]).sum(3)
