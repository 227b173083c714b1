"""The registered strategies, as the parameters of a test."""

import pytest
from _pytest.mark import ParameterSet

from sparseattack.plugins.catalogue import Entry, entries


def registered(*, any_colours: bool = False, budget: bool = True, start: bool = True) -> list[ParameterSet]:
    """Every name; a test of a strategy whose library is absent is skipped, and says which.

    With ``any_colours`` only those that search every encoding, not those of other libraries, which paint any
    colour; without ``budget`` only those that do not use it; without ``start`` only those of few pixels,
    not those that begin with another image.
    """
    wanted = [
        entry
        for entry in entries("strategies")
        if not (any_colours and "external" in (entry.uses or ()))
        and (budget or "budget" not in (entry.uses or ()))
        and (start or "start" not in (entry.uses or ()))
    ]
    return [pytest.param(entry.name, marks=_skipped(entry)) for entry in wanted]


def _skipped(entry: Entry) -> list[pytest.MarkDecorator]:
    absent = entry.state == "not installed"
    return [pytest.mark.skip(reason=f"{entry.name} needs {entry.remedy}")] if absent else []
