"""Posterior of the effects of all arms of one image, given the sums of effects that its queries showed."""

import torch
from torch import Tensor

from .kernel import Kernel

LEAST, TINY = 1e-4, 1e-12  # variances of a query and of an arm, at least
TRACKED = 10  # arms of an incumbent up to which their covariances are at hand


class Posterior:
    """Gaussian process posterior of A effects on J scores, by an exact update for each query.

    A query of k arms observes the sum of their effects, and noise. The covariances are the same for all
    scores, and in units of ``scale``, which is learnt from the errors of the predictions so far. Query t
    costs O(t^2 + A (n + m)) time, and all of them O(t^2 + A) memory. After ``window`` queries the posterior
    becomes the prior of a new process: means and variances stay, correlations are the prior's again.
    """

    def __init__(self, weights: Tensor, kernel: Kernel, scores: int, noise: float, window: int) -> None:
        """With the ``weights (A, 2)`` of the arms on the fields of a kernel, in the order of its cells."""
        cells = kernel.rough[0].shape[0] * kernel.rough[1].shape[0]
        self.kernel, self.noise, self.window, self.shades = kernel, noise, window, len(weights) // cells
        self.mean = weights.new_zeros(scores, len(weights))
        self.errors, self.count = weights.new_zeros(()), 0  # mean squared standardised errors, and how many
        self.incumbent = self.tracked = torch.zeros(0, dtype=torch.int64, device=weights.device)
        self._begin(weights)

    def _begin(self, weights: Tensor) -> None:
        """Start without queries, with a prior whose variances are those of the ``weights``."""
        self.weights, self.variance = weights, weights.square().sum(1)
        self.prior_variance = self.variance.clamp(min=TINY)
        self.queries = torch.zeros(0, 0, dtype=torch.int64, device=weights.device)  # (t, k)
        self.factor = weights.new_zeros(0, 0)  # Cholesky factor of the covariance of the queries
        self.covariances = self.covariance(self.tracked[:, None])  # (k, A) of the incumbent's arms, if few

    def _shrunk(self) -> Tensor:
        """The weights of a prior whose variances are those of this posterior."""
        return self.weights * (self.variance.clamp(min=0) / self.prior_variance).sqrt()[:, None]

    @property
    def scale(self) -> Tensor:
        """Scale ``()`` of the effects: the standardised errors of all predictions say whether 1 was right."""
        return ((self.errors + 1) / (self.count + 1)).sqrt()

    def observe(self, arms: Tensor, change: Tensor) -> None:
        """Update by a query of ``arms (k,)`` that changed the scores by ``change (J,)``."""
        if len(self.factor) >= self.window:
            self._begin(self._shrunk())
        spread = self._spread(self._sources(arms[None]))
        own = self._sums(spread, arms[None])[0, 0] + self.noise * len(arms)
        row, inner = self._explained(spread)
        deviation = (own - inner.square().sum()).clamp(min=LEAST).sqrt()
        row = row[0] / deviation
        error = (change - self.mean[:, arms].sum(1)) / deviation
        self.mean = self.mean + error[:, None] * row
        self.variance = self.variance - row.square()
        self.covariances = self.covariances - row[self.tracked][:, None] * row
        self.errors, self.count = self.errors + error.square().mean(), self.count + 1
        self._append(arms, inner[:, 0], deviation)

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

    def _append(self, arms: Tensor, inner: Tensor, deviation: Tensor) -> None:
        count = len(self.factor)
        factor = self.factor.new_zeros(count + 1, count + 1)
        factor[:count, :count], factor[count, :count], factor[count, count] = self.factor, inner, deviation
        self.factor = factor
        self.queries = torch.cat([self.queries.view(count, len(arms)), arms[None]])

    def _explained(self, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Covariances ``(s, A)`` of all arms with ``spread`` sums, less what the queries explain of them.

        And the whitened covariances ``(t, s)`` of the queries with them.
        """
        inner = self._inner(spread)
        if len(inner):
            weights = torch.linalg.solve_triangular(self.factor.T, inner, upper=True)
            spread = spread - self._spread(self._sources(self.queries, weights.T.contiguous()))
        fields = spread.flatten(2).repeat_interleave(self.shades, 2)
        return fields[:, 0] * self.weights[:, 0] + fields[:, 1] * self.weights[:, 1], inner

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
        n, m = self.kernel.rough[0].shape[0], self.kernel.rough[1].shape[0]
        cells, weights = sets // self.shades, self.weights[sets]  # (s, k), (s, k, 2)
        if factors is None:
            places = torch.arange(len(sets), device=sets.device)[:, None] * (n * m) + cells
            found = weights.new_zeros(len(sets) * n * m, 2)
            return found.index_put_((places,), weights, accumulate=True).view(-1, n, m, 2).permute(0, 3, 1, 2)
        found = weights.new_zeros(n * m, len(factors), 2)
        values = weights[:, :, None] * factors.T[:, None, :, None]  # (s, k, j, 2)
        found.index_put_((cells,), values, accumulate=True)
        return found.permute(1, 2, 0).view(-1, 2, n, m)

    def _spread(self, sources: Tensor) -> Tensor:
        return self.kernel.spread(sources.contiguous())

    def _sums(self, spread: Tensor, sets: Tensor) -> Tensor:
        """Covariances ``(j, s)`` of ``spread`` sums with the sums over ``sets (s, k)``."""
        fields = spread.flatten(2)[:, :, sets // self.shades]  # (j, 2, s, k)
        return (fields * self.weights[sets].permute(2, 0, 1)).sum((1, 3))
