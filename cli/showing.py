"""A study is shown: as tables, as JSON or as CSV."""

from rich.console import Console

from sparseattack.overview import Overview

from . import tables


def show(seen: Overview, form: str) -> None:
    """Print to the standard output; ``form`` is table, json, csv or runs."""
    forms = {"json": seen.to_json, "csv": seen.to_csv, "runs": seen.runs_csv}
    if form in forms:
        print(forms[form]().rstrip())
        return
    console = Console()
    console.print(headline(seen), highlight=False)
    tables.show(console, seen.lines, seen.pairs, seen.experiment["budget"])


def headline(seen: Overview) -> str:
    """What was compared, in a few sentences."""
    chosen, oracle = seen.experiment, seen.manifest["oracle"]["name"]
    attacked = len({record.image for record in seen.records})
    pixels = " or ".join(map(str, chosen["pixels"]))
    text = (
        f"[bold]{oracle}[/bold] on {seen.images} images ({chosen['images']}): {pixels} pixel(s) may change, "
        f"{chosen['budget']:,} queries per image.\n{_left_out(seen)} {attacked} images were attacked."
    )
    if len(seen.records) < seen.planned:
        text += f"\n[yellow]Unfinished: {len(seen.records)} of {seen.planned} runs are there.[/yellow]"
    return text


def _left_out(seen: Overview) -> str:
    if seen.experiment["target"] == "none":
        return f"{seen.left_out} left out: the oracle gets them wrong without any attack."
    return f"Target {seen.experiment['target']}; {seen.left_out} cases left out: called the target already."
