"""The account of an image is closed: from the ledger to its outcome."""

from sparseattack.problem.journal import Journal
from sparseattack.problem.problem import Problem
from sparseattack.search.account import Account
from sparseattack.search.ledger import MET, Ledger
from sparseattack.search.outcome import Outcome, Point


def outcome(problem: Problem, account: Account, journal: Journal, place: int, image: int) -> Outcome:
    """What became of ``image`` of the problem, the one at ``place`` in the account."""
    ledger = account.ledger
    edits = problem.encoding.decode(ledger.genes[place : place + 1], problem.images.shape[1:])
    return Outcome(
        image=image,
        positions=edits.positions[0].cpu().numpy(),
        colours=edits.colours[0].cpu().numpy(),
        values=tuple(ledger.values[place].tolist()),
        pixels=int(ledger.pixels[place]),
        queries=int(ledger.queries[place]),
        repeats=int(account.repeats[place]),
        first_fooled=int(ledger.first_fooled[place]),
        met=int(ledger.rank[place]) == MET,
        restarts=journal.restarts.get(place, 0),
        oracle_seconds=float(account.oracle_seconds[place]),
        strategy_seconds=account.strategy_seconds,
        trace=tuple(ledger.traces[place]),
        front=_front(problem, ledger, place),
        error=journal.errors.get(place, ""),
    )


def _front(problem: Problem, ledger: Ledger, place: int) -> tuple[Point, ...]:
    if not ledger.fronts:
        return ()
    front = ledger.fronts[place]
    edits = problem.encoding.decode(front.genes, problem.images.shape[1:])
    columns = front.values.tolist(), edits.positions.numpy(), edits.colours.numpy()
    return tuple(Point(tuple(values), *edit) for values, *edit in zip(*columns, strict=True))
