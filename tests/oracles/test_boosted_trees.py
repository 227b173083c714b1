"""XGBoost and LightGBM through the scikit-learn oracle, as docs/models.md has it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapted import block, library
from command_line import Run

from sparseattack import load_images
from sparseattack.plugins.registry import oracle_plugin

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
CODE = block("model.py")
(COMMAND,) = re.findall(r"^sparseattack (compare .*sklearn\(estimator=model.py.*)$", PAGE, re.MULTILINE)
FORMS = {
    "xgboost": CODE,
    "lightgbm": CODE.replace(
        "from xgboost import XGBClassifier", "from lightgbm import LGBMClassifier"
    ).replace("XGBClassifier(n_estimators=20)", "LGBMClassifier(n_estimators=20, verbose=-1)"),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_page_compares_strategies_on_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    library(name, f"pip install {name}")
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(FORMS[name], encoding="utf-8")
    images = load_images("digits[0:10]")
    oracle = oracle_plugin("sklearn(estimator=model.py:make,range=16)")()
    held: dict[str, Any] = {}
    exec(FORMS[name], held)
    rows = np.round(images.floats().flatten(1).numpy() * 255) * np.float32(16 / 255)
    assert torch.allclose(
        oracle(images.floats()), torch.tensor(held["make"]().predict_proba(rows)).float(), atol=1e-6
    )
    answer = run(*COMMAND.replace("'", "").split())
    assert answer.code == 0 and "exhaustive" in answer.out
