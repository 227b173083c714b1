"""What duels come to, and attacks of other libraries as they are shipped."""

from collections.abc import Iterator

from benchmarks.networks import Subject, subject
from benchmarks.peer_comparison import ALONE, TOGETHER, Case, rounds
from benchmarks.results import Part, Record, entry

from .options import Options
from .peers import PEERS, check_installed
from .spread import Spread

USUAL = ("allconv", "resnet20")  # small networks, whose weights are trained


def rivals(options: Options) -> list[Subject]:
    """The networks on which libraries are compared: those usual ones that are chosen, or else all chosen."""
    check_installed()
    names = [name for name in options.networks if name in USUAL] or options.networks
    return [subject(name, "cpu") for name in names]


def measure(options: Options) -> Iterator[Record]:
    """Every network, number of pixels, library, and way of ours."""
    for chosen in rivals(options):
        for k in options.pixels:
            for peer in PEERS:
                cases = list(rounds(chosen, peer, k, options))
                about = {"network": chosen.name, "k": k, "library": peer.name, "ours": peer.ours}
                for mode in (*ALONE, TOGETHER):
                    yield about | {"mode": mode} | compared(cases, mode)


def compared(every: list[dict[str, list[Case]]], mode: str) -> Record:
    """The library's cases beside ours in one ``mode``: rows, time, both to the same successes."""
    pairs = [list(zip(cases["library"], cases[mode], strict=True)) for cases in every]
    both = [[pair for pair in some if pair[0].first and pair[1].first] for some in pairs]
    theirs = [their for some in pairs for their, _ in some]
    solved = [their for their in theirs if their.first]
    timed = [
        some for some in both if some and mode != TOGETHER
    ]  # side by side no image has a time of its own
    return {
        "attacks": len(theirs),
        "solved_by_library": len(solved),
        "solved_by_ours": sum(bool(our.first) for some in pairs for _, our in some),
        "solved_by_both": sum(map(len, both)),
        "library_saved": sum(their.saved for their in solved),
        "rows": Spread.of(_ratio(some, "first") for some in both if some) if any(both) else None,
        "time": Spread.of(_ratio(some, "seconds") for some in timed) if timed else None,
        "total_time": Spread.of(_ratio(some, "seconds") for some in pairs),
        "rate": Spread.of(_ratio(some, "seconds") / _ratio(some, "rows") for some in pairs),
        "calls": Spread.of(_ratio(some, "calls") for some in pairs),
    }


def _ratio(pairs: list[tuple[Case, Case]], what: str) -> float:
    """The library's total in ours."""
    theirs, ours = (sum(getattr(case, what) for case in side) for side in zip(*pairs, strict=True))
    return float(theirs) / max(float(ours), 1.0 if what == "calls" else 1e-9)


DUELS = Part(
    "Other libraries, to the same success",
    "Same network, images, pixels and budget; a ratio is the library's in ours: above 1 ours is ahead. A"
    " meter before the network ends an attack at its first success or at the budget, one image at a time; its"
    " own time is taken off, and the network is shown as many rows at once as suit it, whatever is asked."
    " *Rows* are those up to the first success, where both succeed; *time* is that of these attacks; *all"
    " attacks* counts failures too; *per row* that is paid, it is free of luck. Ours finishes the generation"
    " it succeeds in, which the meter spares a library. How searches differ is in docs/performance.md.",
    measure,
    {
        "network": entry("network"),
        "k": entry("k"),
        "library": entry("library"),
        "ours": lambda record: f"{record['ours']}, {record['mode']}",
        "solved by library, ours, both": lambda record: (
            f"{record['solved_by_library']}, {record['solved_by_ours']}, {record['solved_by_both']}"
            f" of {record['attacks']}"
        ),
        "library's that hold in 8 bits": entry("library_saved"),
        "rows": entry("rows"),
        "time": entry("time"),
        "time, all attacks": entry("total_time"),
        "time per row": entry("rate"),
        "calls of the network": entry("calls"),
    },
)
