"""The settings of an experiment that was published."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sparseattack.errors import InputError

if TYPE_CHECKING:  # `sparseattack list` shows protocols and imports no torch
    from sparseattack.study.experiment import Experiment

Settings = Mapping[str, Any]
"""Fields of an Experiment, by name."""


@dataclass(frozen=True)
class Protocol:
    """What an experiment was made with; any of it can be chosen otherwise."""

    name: str
    description: str  # what it is, and where it stands
    shared: Settings
    untargeted: Settings | None = None  # beside the shared ones; none where no such part was published
    targeted: Settings | None = None

    def parts(self) -> dict[str, dict[str, Any]]:
        """All settings of the part that leaves the true class, and of the one that reaches another."""
        both = {"untargeted": self.untargeted, "targeted": self.targeted}
        return {name: {**self.shared, **own} for name, own in both.items() if own is not None}

    def settings(self, targeted: bool | None = None) -> dict[str, Any]:
        """Fields of the Experiment; of its first part unless told. InputError for a part that it lacks."""
        parts = self.parts()
        if targeted is None:
            return next(iter(parts.values()))
        if (wanted := "targeted" if targeted else "untargeted") not in parts:
            raise InputError(f"protocol {self.name} has no {wanted} part, only {', '.join(parts)}")
        return parts[wanted]

    def experiment(
        self,
        *,
        oracle: str,
        images: str,
        targeted: bool | None = None,
        strategies: tuple[str, ...] | None = None,
        pixels: int = 1,
        draw: int | None = None,
        budget: int | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> "Experiment":
        """The protocol on an oracle's images; what is None is as the protocol says."""
        from sparseattack.study.experiment import Experiment

        chosen = {"strategies": strategies, "draw": draw, "budget": budget}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        fields = {**self.settings(targeted), **chosen}
        return Experiment(
            oracle=oracle, images=images, pixels=(pixels,), seeds=(seed,), device=device, **fields
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain text, lists and numbers."""
        return {"name": self.name, "description": self.description, "settings": self.parts()}

    def under(self, experiment: "Experiment", given: Collection[str]) -> "Experiment":
        """``experiment`` with the protocol's settings, but for those that were ``given``."""
        wanted = experiment.target != "none"
        has = (self.targeted if wanted else self.untargeted) is not None
        settings = self.settings(wanted if has and "target" in given else None)
        return replace(experiment, **{name: v for name, v in settings.items() if name not in given})
