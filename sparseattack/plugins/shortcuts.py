"""Short ways to say what is meant: a model file in place of an oracle's name."""

import os
from pathlib import Path

from sparseattack.plugins.spec import Spec, parse

READERS = {".onnx": "onnx", ".pt2": "torch-export"}


def oracle_spec(text: str) -> Spec:
    """The oracle that ``text`` names; a model file, settings after it or not, is one by its suffix."""
    spec = Spec(text) if os.path.isfile(text) else parse(text)  # a file's name may hold brackets and commas
    reader = READERS.get(Path(spec.name).suffix.lower())
    return Spec(reader, {"path": spec.name, **spec.settings}) if reader else spec
