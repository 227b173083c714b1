"""Tables as data frames of pandas, which is optional."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparseattack.errors import InputError
from sparseattack.report.columns import TableColumn

if TYPE_CHECKING:
    import pandas as pd

TYPES = {"whole": "int64", "real": "float64", "flag": "bool"}  # of pandas; others are objects


def frame(rows: Sequence[dict[str, object]], columns: Sequence[TableColumn]) -> "pd.DataFrame":
    """A data frame of ``rows``: a missing number is NaN, and a list a list.

    ``attrs["units"]`` has the unit of each column that has one. InputError where pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise InputError('to_pandas() needs pandas: pip install "sparseattack[pandas]"') from error
    found = pd.DataFrame({each.name: [row.get(each.name) for row in rows] for each in columns})
    kinds = {each.name: TYPES[each.kind] for each in columns if each.kind in TYPES}
    lacking = {"whole": "float64", "flag": "boolean"}  # types that have a value for nothing
    kinds |= {each.name: lacking[each.kind] for each in columns if each.kind in lacking and each.missing}
    found = found.astype(kinds)
    found.attrs["units"] = {each.name: each.unit for each in columns if each.unit}
    return found
