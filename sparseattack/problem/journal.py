"""What a search tells beside its candidates."""

from dataclasses import dataclass, field

import torch

THINKING = torch.empty(0)
"""Yielded by a search that is told ``overlap``: go on with ``None``, and wait for its candidates."""


@dataclass
class Journal:
    """What a search tells about itself, by the place of the image in its space."""

    restarts: dict[int, int] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)  # why an image was given up
    seconds: float | None = None  # of the processor, that its last turn took in a process of its own

    def restarted(self, place: int = 0) -> None:
        """Count one restart of an image's search."""
        self.restarts[place] = self.restarts.get(place, 0) + 1

    def adopt(self, alone: "Journal", place: int) -> None:
        """Take over what the search of one image tells about itself."""
        self.restarts[place] = alone.restarts.get(0, 0)
        if 0 in alone.errors:
            self.errors[place] = alone.errors[0]
