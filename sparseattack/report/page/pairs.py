"""The queries of every strategy on every image, from which the page draws the scatter of a chosen pair."""

import json
from collections.abc import Mapping

import numpy as np

from sparseattack.report.console import visible
from sparseattack.report.figures.by_image import lower_median
from sparseattack.report.figures.panels import Panel, panels_of
from sparseattack.report.results import Results
from sparseattack.report.summary import common_to_all

MOST = 30_000  # numbers in a chapter
FEWEST = 3  # strategies of which one can choose two


def pair_data(found: Results) -> Mapping[str, str]:
    """JSON by the name of the figure that it belongs to, with no letter that could end a script element.

    ``queries`` has a list for each of the ``methods``, with a number for each ``case``, an image or a target,
    that all of them attack: 0 is a failure. Of very many cases some are left out, evenly; ``of`` says how
    many there are.
    """
    shown = [panel for panel in panels_of(found) if len(panel.whole) >= FEWEST]
    texts = {f"scatter-{panel.stem}": _data(panel, MOST // len(shown)) for panel in shown}
    return {name: text for name, text in texts.items() if text}


def _data(panel: Panel, most: int) -> str:
    """Those of one figure, of so many numbers at most; empty where no image is attacked by all."""
    runs = common_to_all([one.runs for one in panel.whole])
    if not len(runs[0]):
        return ""
    costs = np.array([lower_median(each, panel.every_target)[1] for each in runs])
    count = costs.shape[1]
    places = np.unique(np.linspace(0, count - 1, min(count, most // len(costs) + 1)).round().astype(int))
    content = {
        "case": panel.case,
        "subject": panel.subject,
        "of": count,
        "methods": [
            {"name": visible(one.name), "budget": one.method.budget, "colour": one.style.colour}
            for one in panel.whole
        ],
        "queries": np.where(np.isfinite(costs), costs, 0)[:, places].astype(int).tolist(),
    }
    return script_safe(json.dumps(content, separators=(",", ":")))


def script_safe(text: str) -> str:
    """JSON without any letter that could end a script element."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
