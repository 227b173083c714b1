"""What a reader of a table must know about one of its lines."""

from sparseattack.report.summary import Summary


def warnings(line: Summary) -> list[str]:
    """Successes that did not hold, and searches that were given up."""
    who = f"{line.strategy} {line.encoding} k={line.k}"
    said = []
    if line.unverified:
        said.append(f"{who}: {line.unverified} successes did not fool when shown alone: counted as failures")
    if line.errors:
        said.append(f"{who}: {line.errors} searches were given up after an error: counted as failures")
    return said
