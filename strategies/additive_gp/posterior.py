"""Posterior of the effects of all arms of one image, given the sums of effects that its queries showed."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .kernel import Hyperparameters, Kernel

LEAST, TINY = 1e-4, 1e-12  # variances of a query and of an arm, at least
TRACKED = 9  # arms of an incumbent up to which their covariances are at hand
LEARNT = 10, 30, 100  # numbers of queries at which the hyperparameters are chosen anew


class Posterior:
    """Gaussian process posterior of A effects on J scores, by an exact update for each query.

    A query of k arms observes the sum of their effects, and noise. The covariances are the same for all
    scores, and in units of ``scale``, which is learnt from the errors of the predictions so far; of ``grid``
    the hyperparameters of the highest marginal likelihood are used. Query t costs O(t^2 + A (n + m)) time,
    and all of them O(t^2 + A) memory. After ``window`` queries the posterior becomes the prior of a new
    process: means and variances stay, correlations are the prior's again.
    """

    def __init__(
        self, weights: Tensor, kernel: Kernel, grid: Sequence[Hyperparameters], scores: int, window: int
    ) -> None:
        """With the ``weights (A, 2)`` of the arms on the fields of a kernel, in the order of its cells."""
        self.kernel, self.grid, self.window = kernel, grid, window
        self.hyperparameters, self.shades = grid[0], len(weights) // (kernel.lattice[0] * kernel.lattice[1])
        self.mean = weights.new_zeros(()).expand(scores, len(weights))  # takes no memory as a prior mean
        self.errors, self.count = weights.new_zeros(()), 0  # mean squared standardised errors, and how many
        self.incumbent = self.tracked = torch.zeros(0, dtype=torch.int64, device=weights.device)
        self._begin(weights)

    def _begin(self, weights: Tensor) -> None:
        """Start without queries, with the mean as it is and variances of the ``weights``."""
        self.weights, self.variance = weights, weights.square().sum(1)
        self.prior_mean, self.prior_variance, self.prior_errors = self.mean, self.variance, self.errors
        self.queries = torch.zeros(0, 0, dtype=torch.int64, device=weights.device)  # (t, k)
        self.changes = weights.new_zeros(0, len(self.mean))  # (t, J) that they showed, less the prior mean
        self.factor = weights.new_zeros(0, 0)  # Cholesky factor of the covariance of the queries
        self.covariances = self.covariance(self.tracked[:, None])  # (k, A) of the incumbent's arms, if few

    def _shrunk(self) -> Tensor:
        """The weights of a prior whose variances are those of this posterior."""
        share = self.variance.clamp(min=0) / self.prior_variance.clamp(min=TINY)
        return self.weights * share.sqrt()[:, None]

    @property
    def scale(self) -> Tensor:
        """Scale ``()`` of the effects: the standardised errors of all predictions say whether 1 was right."""
        return ((self.errors + 1) / (self.count + 1)).sqrt()

    def observe(self, arms: Tensor, change: Tensor) -> None:
        """Update by a query of ``arms (k,)`` that changed the scores by ``change (J,)``."""
        if len(self.factor) >= self.window:
            self._begin(self._shrunk())
        spread = self._spread(self._sources(arms[None]))
        own = self._sums(spread, arms[None])[0, 0] + self.hyperparameters.noise * len(arms)
        row, inner = self._explained(spread)
        deviation = (own - inner.square().sum()).clamp(min=LEAST).sqrt()
        row = row[0] / deviation
        error = (change - self.mean[:, arms].sum(1)) / deviation
        self.mean = self.mean + error[:, None] * row
        self.variance = self.variance - row.square()
        self.covariances = self.covariances - row[self.tracked][:, None] * row
        self.errors, self.count = self.errors + error.square().mean(), self.count + 1
        self._append(
            arms, change - self.prior_mean[:, arms].sum(1), torch.cat([inner[:, 0], deviation[None]])
        )
        if len(self.factor) in LEARNT:
            self._learn()

    def follow(self, arms: Tensor) -> None:
        """Take ``arms (k,)`` as the incumbent; if few, have their covariances with all arms at hand."""
        self.incumbent, self.tracked = arms, arms if len(arms) <= TRACKED else arms[:0]
        self.covariances = self.covariance(self.tracked[:, None])

    def covariance(self, sets: Tensor) -> Tensor:
        """Posterior covariances ``(s, A)`` of the sums over ``sets (s, k)`` with all arms."""
        return self._explained(self._spread(self._sources(sets)))[0]

    def variances(self, sets: Tensor) -> Tensor:
        """Posterior variances ``(s,)`` of the sums over ``sets (s, k)``."""
        spread = self._spread(self._sources(sets))
        total = self._sums(spread, sets).diagonal()
        explained: Tensor = self._inner(spread).square().sum(0)
        return total - explained

    def draw(self, stream: np.random.Generator) -> Tensor:
        """A draw of all effects ``(A,)`` less their mean, in units of the scale (Matheron's rule).

        It is a draw of the prior, less what the queries would have shown of it.
        """
        count, slots = len(self.factor), self.queries.shape[1]
        numbers = stream.standard_normal((len(self.kernel.roots) + 3, *self.kernel.lattice), np.float32)
        noise = stream.standard_normal(count, np.float32) * (self.hyperparameters.noise * slots) ** 0.5
        normal = torch.from_numpy(numbers).to(self.weights)
        fields = self.kernel.draw(normal, self.hyperparameters)[None]
        if count:
            seen = self._sums(fields, self.queries)[0] + torch.from_numpy(noise).to(self.weights)
            factors = torch.cholesky_solve(seen[:, None], self.factor).T.contiguous()
            fields = fields - self._spread(self._sources(self.queries, factors))
        return self._on_arms(fields)[0]

    def _append(self, arms: Tensor, change: Tensor, row: Tensor) -> None:
        """Note a query, and its row ``(t + 1,)`` of the Cholesky factor."""
        count = len(self.factor)
        factor = self.factor.new_zeros(count + 1, count + 1)
        factor[:count, :count], factor[count] = self.factor, row
        self.factor = factor
        self.queries = torch.cat([self.queries.view(count, len(arms)), arms[None]])
        self.changes = torch.cat([self.changes, change[None]])

    def _learn(self) -> None:
        """Choose the hyperparameters of the highest marginal likelihood; start anew if they are others."""
        contrast, grey = self._sources(self.queries).unbind(1)
        parts = [self.kernel.contrast(contrast, number) for number in range(len(self.hyperparameters.shares))]
        summed = [self._field_sums(part, self.queries, 0) for part in parts]
        rest, best = self._field_sums(self.kernel.grey(grey), self.queries, 1), -torch.inf
        noise = self.queries.shape[1] * torch.eye(len(rest), device=rest.device)
        chosen, factor, errors = self.hyperparameters, self.factor, self.changes
        for hyperparameters in self.grid:
            total = rest + hyperparameters.noise * noise
            for share, part in zip(hyperparameters.shares, summed, strict=True):
                total = total + share * part
            root = torch.linalg.cholesky(total)
            whitened = torch.linalg.solve_triangular(root, self.changes, upper=False)
            square = (self.prior_errors + whitened.square().mean(1).sum() + 1) / (self.count + 1)
            fit = -root.diagonal().log().sum() - len(root) / 2 * square.log() + hyperparameters.log_prior
            if fit > best:
                best, chosen, factor, errors = float(fit), hyperparameters, root, whitened
        if chosen is not self.hyperparameters:
            self._restart(chosen, factor, errors)

    def _restart(self, hyperparameters: Hyperparameters, factor: Tensor, errors: Tensor) -> None:
        """Compute the posterior by others, given their Cholesky factor and standardised errors."""
        self.hyperparameters, self.factor = hyperparameters, factor
        across = self._on_arms(self._spread(self._sources(self.queries)))  # (t, A)
        rows = torch.linalg.solve_triangular(factor, across, upper=False)
        self.mean = self.prior_mean + errors.T @ rows
        self.variance = self.prior_variance - rows.square().sum(0)
        self.errors = self.prior_errors + errors.square().mean(1).sum()
        self.covariances = self.covariance(self.tracked[:, None])

    def _explained(self, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Covariances ``(s, A)`` of all arms with ``spread`` sums, less what the queries explain of them.

        And the whitened covariances ``(t, s)`` of the queries with them.
        """
        inner = self._inner(spread)
        if len(inner):
            weights = torch.linalg.solve_triangular(self.factor.T, inner, upper=True)
            spread = spread - self._spread(self._sources(self.queries, weights.T.contiguous()))
        return self._on_arms(spread), inner

    def _inner(self, spread: Tensor) -> Tensor:
        """Whitened covariances ``(t, s)`` of the queries with ``spread`` sums."""
        if not len(self.factor):
            return self.factor.new_zeros(0, len(spread))
        across = self._sums(spread, self.queries)
        inner: Tensor = torch.linalg.solve_triangular(self.factor, across.T, upper=False)
        return inner

    def _sources(self, sets: Tensor, factors: Tensor | None = None) -> Tensor:
        """Weights of the fields at the cells of ``sets (s, k)``: ``(s, 2, n, m)``.

        With ``factors (j, s)`` their weighted sums, ``(j, 2, n, m)``. A cell may be in several sets.
        """
        n, m = self.kernel.lattice
        cells, weights = sets % (n * m), self.weights[sets]  # (s, k), (s, k, 2)
        if factors is None:
            places = torch.arange(len(sets), device=sets.device)[:, None] * (n * m) + cells
            found = weights.new_zeros(len(sets) * n * m, 2)
            return found.index_put_((places,), weights, accumulate=True).view(-1, n, m, 2).permute(0, 3, 1, 2)
        found = weights.new_zeros(n * m, len(factors), 2)
        values = weights[:, :, None] * factors.T[:, None, :, None]  # (s, k, j, 2)
        found.index_put_((cells,), values, accumulate=True)
        return found.permute(1, 2, 0).view(-1, 2, n, m)

    def _spread(self, sources: Tensor) -> Tensor:
        return self.kernel.spread(sources.contiguous(), self.hyperparameters)

    def _on_arms(self, spread: Tensor) -> Tensor:
        """Covariances ``(j, A)`` of all arms, given those of all cells ``(j, 2, n, m)``."""
        fields = spread.flatten(2).repeat(1, 1, self.shades)
        return fields[:, 0] * self.weights[:, 0] + fields[:, 1] * self.weights[:, 1]

    def _sums(self, spread: Tensor, sets: Tensor) -> Tensor:
        """Covariances ``(j, s)`` of ``spread`` sums with the sums over ``sets (s, k)``."""
        return self._field_sums(spread[:, 0], sets, 0) + self._field_sums(spread[:, 1], sets, 1)

    def _field_sums(self, field: Tensor, sets: Tensor, number: int) -> Tensor:
        """The part ``(j, s)`` of a field in the covariances, given those of all cells ``(j, n, m)``."""
        at = field.flatten(1)
        return (at[:, sets % at.shape[1]] * self.weights[sets][..., number]).sum(2)
