"""Tables as Markdown, CSV and JSON."""

import csv
import io
import json
import math

from sparseattack.reproduction.metrics import Measure
from sparseattack.reproduction.page import page_table
from sparseattack.reproduction.render import FilledTable, as_csv, as_json, grid, markdown
from sparseattack.reproduction.tables import TableCell, make_table

RATE, PAPER = Measure(0.25, 40, "rate"), Measure(0.352, 500, "rate")
CELLS = [
    TableCell("success", "mine", None, None),
    TableCell("success", "nin", RATE, PAPER, ("a.study",)),
    TableCell("queries", "mine", Measure(12_345.6, 7, "number"), None),
    TableCell("queries", "nin", Measure(math.inf, 7, "number"), None),
    TableCell("classes", "mine", Measure(1.256, 7, "number"), None),
    TableCell("classes", "nin", Measure(0.5, 7, "share"), Measure(1.8, 0, "number")),
]


def test_ours_and_the_papers_stand_side_by_side() -> None:
    headings, lines = grid(CELLS)
    assert headings == ["", "mine", "nin", "paper"]  # the paper has nothing of mine
    told = {name: [" ".join(entry).strip() for entry in entries] for name, entries in lines}
    assert told == {
        "success": ["-", "25.0 % 14.2 - 40.2, n 40", "35.2 % inside"],
        "queries": ["12,346 n 7", "half fail n 7", "-"],
        "classes": ["1.26 n 7", "50.0 % n 7", "1.80"],
    }


def test_the_page_has_the_papers_column_which_sorts() -> None:
    shown = page_table(FilledTable(make_table("8", ["nin"]), CELLS, []))
    assert [heading.text for heading in shown.headings] == ["metric", "mine", "nin", "paper"]
    cells = {row[0].text: [(cell.text, cell.order) for cell in row[1:]] for row in shown.rows}
    assert cells["success"][1:] == [("25.0 % (14.2 - 40.2, n 40)", "25.0"), ("35.2 % (inside)", "35.2")]
    assert cells["classes"][2] == ("1.80", "1.80") and cells["queries"][2] == ("-", "")


def test_markdown_has_a_row_per_metric() -> None:
    text = markdown(make_table("8", ["nin"]), CELLS, ["A note."], ["figures/a.png"])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3 and len({row.count("|") for row in rows}) == 1
    assert "| success | - | 25.0 %, 14.2 - 40.2, n 40 | 35.2 %, inside |" in rows
    assert text.startswith("## Table VIII") and "\n\nA note.\n\n" in text and "](figures/a.png)" in text


def test_machines_get_every_cell() -> None:
    told = json.loads(as_json(make_table("8", ["nin"]), CELLS, ["A note."]))
    assert told["table"] == "8" and told["notes"] == ["A note."] and len(told["cells"]) == len(CELLS)
    rows = list(csv.DictReader(io.StringIO(as_csv(CELLS))))
    assert [row["row"] for row in rows] == [cell.row for cell in CELLS]
    success = rows[1]
    assert (success["ours"], success["paper"], success["verdict"]) == ("0.25", "0.352", "inside")
    assert success["studies"] == "a.study" and rows[0]["ours"] == rows[3]["ours"] == ""
    assert float(success["ours_low"]) < 0.25 < float(success["ours_high"])
