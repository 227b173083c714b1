"""An installed distribution of plugins: one that works, others that are broken, each in its way."""

from pathlib import Path

PLUGINS = {
    "fine": '''
"""A file about nothing (Nobody, 1999)."""
from sparseattack import Search, Space

def search(space: Space, *, step: float = 0.25, rule: str = "[any]", needed: int) -> Search:
    """Searches well [0, 1], says ``fine``.

    More is said here.

    step: how far
        it goes
    rule: [what] to do
    """
    while True:
        yield space.uniform(3)
''',
    "wanting": "import imaginary_optimizer\ndef search(space): yield space.uniform(1)\n",
    "garbled": "def search(space:\n",
    "lost": "other = 1\n",
    "raising": "raise OSError('no licence')\ndef search(space): yield space.uniform(1)\n",
    "leaving": "raise SystemExit(3)\ndef search(space): yield space.uniform(1)\n",
}


def install(folder: Path) -> None:
    """Install plugins ``fine``, ``wanting`` a package, ``garbled``, ``lost``, and two that fail on import.

    Listing them must not import their package: it writes a file when it is imported.
    """
    package = folder / "plugins_of_all_sorts"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('imported').touch()\n"
    )
    for name, source in PLUGINS.items():
        (package / f"{name}.py").write_text(source)
    metadata = folder / "plugins_of_all_sorts-2.5.dist-info"
    metadata.mkdir()
    points = "".join(f"{name} = {package.name}.{name}:search\n" for name in PLUGINS)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins-of-all-sorts\nVersion: 2.5\n")
    (metadata / "entry_points.txt").write_text(
        f"[sparseattack.strategies]\n{points}\n[sparseattack.oracles]\nfine = {package.name}.fine:search\n"
    )


def imported(folder: Path) -> bool:
    """Whether the package has been imported."""
    return (folder / "plugins_of_all_sorts" / "imported").exists()
