"""Every encoding there is, a plugin's too, keeps every clause of the contract; broken ones do not."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sparseattack import Edits, Gene, load
from sparseattack.conformance.encodings import CLAUSES, check_encoding
from sparseattack.plugins.registry import names
from sparseattack.plugins.spec import Plugin

VARIANTS = ("index(shades=2)", "delta(limit=1)", "palette(colours=3)", "channels(shades=2)")


@pytest.fixture(scope="module", params=[*names("encodings"), *VARIANTS])
def encoding(request: pytest.FixtureRequest) -> Plugin:
    return load("encodings", request.param)


@pytest.mark.parametrize("clause", CLAUSES)
def test_satisfies_the_contract(encoding: Plugin, clause: str) -> None:
    CLAUSES[clause](encoding)


@dataclass(frozen=True)
class Broken:
    """An encoding of a row, a column and a grey, with one fault."""

    slots: int
    fault: str

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        genes = (Gene("row", shape[1]), Gene("column", shape[2]), Gene("colour", 256)) * self.slots
        return genes[:-1] if self.fault == "names" else genes

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        if self.fault == "write":
            genes.clamp_(0.1)
        if self.fault == "names":
            genes = torch.cat([genes, genes[:, -1:]], 1)
        row, column, grey = genes.view(len(genes), self.slots, 3).unbind(2)
        wide = shape[2] + (self.fault == "range")
        power = 2 if self.fault == "equally" else 1
        rows, columns = ((row**power) * shape[1]).long(), (column * wide).long()
        positions = rows.clamp(max=shape[1] - 1) * wide + columns.clamp(max=wide - 1)
        if self.fault == "alone":
            positions = (positions + len(genes) - 1) % (shape[1] * shape[2])
        if self.fault == "changes":
            positions = torch.cat([positions, positions.flip(1) * 0], 1)
        colours = (grey * 255).round().to(torch.uint8).unsqueeze(2).expand(-1, -1, shape[0])
        if self.fault == "changes":
            colours = torch.cat([colours, 255 - colours], 1)
        return Edits(positions, colours)


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        ("describes", "describes as many"),
        ("names", "names its genes"),
        ("range", "decodes every candidate"),
        ("alone", "decodes a candidate the same"),
        ("write", "does not write"),
        ("changes", "changes at most k"),
        ("equally", "finds every pixel"),
        ("equal", ""),
    ],
)
def test_a_broken_encoding_fails_its_clause(fault: str, failed: str) -> None:
    def make(*, pixels: int = 1) -> Broken:
        return Broken(pixels + (fault == "describes"), fault)

    found = [finding.clause for finding in check_encoding(make) if not finding.ok]
    assert any(clause.startswith(failed) for clause in found) if failed else found == []


def test_the_encoding_of_the_documentation_satisfies_the_contract(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "encodings.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "greys.py").write_text(code, encoding="utf-8")
    found = load("encodings", f"{tmp_path / 'greys.py'}:greys")
    assert [finding for finding in check_encoding(found) if not finding.ok] == []
