"""Every run in a Parquet file: typed columns with units and meanings, lists as lists, and the experiments."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from sparseattack.errors import InputError
from sparseattack.report.columns import RUN_COLUMNS, ColumnKind, TableColumn
from sparseattack.report.results import Results

if TYPE_CHECKING:
    import pyarrow as pa

EXPERIMENTS = b"sparseattack.study"  # key of the file's metadata that holds `Results.to_json`
GROUP = 50_000  # rows in memory at a time


def write(found: Results, out: Path) -> None:
    """Write ``out``; InputError where pyarrow is not installed."""
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise InputError('Parquet needs pyarrow: pip install "sparseattack[parquet]"') from error
    schema = pa.schema([_field(column) for column in RUN_COLUMNS])
    schema = schema.with_metadata({EXPERIMENTS: found.to_json()})
    rows = ({**row, "trace": list(_trace(row["trace"]))} for row in found.rows())
    with ParquetWriter(out, schema) as writer:
        while some := list(islice(rows, GROUP)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))


def _trace(trace: object) -> Iterator[dict[str, float]]:
    """The steps of a trace, each with its names."""
    assert isinstance(trace, list)
    for query, value in trace:
        yield {"query": int(query), "value": value}


def _field(column: TableColumn) -> "pa.Field":
    """A column of the file; its metadata are unit and meaning."""
    import pyarrow as pa

    described = {"unit": column.unit, "description": column.meaning}
    kind = _type(column.kind)
    return pa.field(column.name, kind, nullable=bool(column.missing), metadata=described)


def _type(kind: ColumnKind) -> "pa.DataType":
    """The type of Parquet that holds a kind of column without loss."""
    import pyarrow as pa

    positions, colours = pa.list_(pa.int64()), pa.list_(pa.list_(pa.uint8()))
    values = pa.list_(pa.float64())
    types: dict[ColumnKind, pa.DataType] = {
        "text": pa.string(),
        "whole": pa.int64(),
        "real": pa.float64(),
        "flag": pa.bool_(),
        "positions": positions,
        "colours": colours,
        "trace": pa.list_(pa.struct({"query": pa.int64(), "value": pa.float64()})),
        "front": pa.list_(pa.struct({"values": values, "positions": positions, "colours": colours})),
    }
    return types[kind]
