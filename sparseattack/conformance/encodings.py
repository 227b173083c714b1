"""The contract of an encoding as ten clauses, each tried on small images: ``sparseattack check``."""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple, get_args

import torch
from torch import Tensor

from sparseattack.conformance.clauses import Finding
from sparseattack.conformance.problems import ContractError
from sparseattack.data.images import levels
from sparseattack.errors import SparseattackError
from sparseattack.plugins.spec import Plugin, setting_values
from sparseattack.problem.edits import Edits, changed, touch
from sparseattack.problem.encodings.encoding import AnyEncoding, decoder, require_edits, unit_of
from sparseattack.problem.mask import slot_genes, within
from sparseattack.problem.space import Kind

SHAPES = (3, 6, 5), (1, 4, 4), (4, 1, 3)  # C, H, W
COUNTS = 1, 3  # k
IMAGES, CANDIDATES = 3, 400
DRAWS, DEVIATIONS = 60_000, 6.0  # uniform candidates of one pixel, and how far a count may be from its mean


class Trial(NamedTuple):
    """An encoding of k pixels or coordinates, images, and candidates for these."""

    encoding: AnyEncoding
    images: Tensor  # (N, C, H, W)
    rows: Tensor  # (n,) index of the image of each candidate
    genes: Tensor  # (n, D), some at the ends of their range

    @classmethod
    def of(cls, plugin: Plugin, shape: tuple[int, int, int], k: int, count: int = CANDIDATES) -> "Trial":
        """The same one each time."""
        draw, encoding = torch.Generator().manual_seed(0), plugin(pixels=k)
        images = levels(torch.randint(256, (IMAGES, *shape), generator=draw).to(torch.uint8))
        genes = torch.rand(count, len(encoding.genes(images.shape[1:])), generator=draw)
        genes[0], genes[1], genes[2:6] = 0, 1, genes[2:6].round()
        return cls(encoding, images, torch.arange(count) % IMAGES, genes)

    def edits(self, places: slice = slice(None)) -> Edits:
        """What some of the candidates are decoded to, by a decoder of their own."""
        return decoder(self.encoding, self.images)(self.genes[places].clone(), self.rows[places])


def _trials(plugin: Plugin) -> Iterator[Trial]:
    return (Trial.of(plugin, shape, k) for shape in SHAPES for k in COUNTS)


def check_encoding(plugin: Plugin) -> list[Finding]:
    """Try every clause on a function that makes an encoding, whose settings but ``pixels`` are bound."""
    return [_finding(sentence, clause, plugin) for sentence, clause in CLAUSES.items()]


def describes_k(plugin: Plugin) -> None:
    """It describes as many pixels or coordinates as ``pixels`` says."""
    for k in COUNTS:
        if (slots := plugin(pixels=k).slots) != k:
            raise ContractError(f"it has slots {slots} for pixels={k}")


def names_its_genes(plugin: Plugin) -> None:
    """Its genes are k equal parts, of known kinds, each of at least one value."""
    for each in _trials(plugin):
        genes, slots = each.encoding.genes(each.images.shape[1:]), each.encoding.slots
        if not genes or len(genes) % slots or genes != slot_genes(each.encoding, each.images) * slots:
            raise ContractError(f"its {len(genes)} genes are not {slots} equal parts")
        if unknown := sorted({gene.kind for gene in genes} - set(get_args(Kind))):
            raise ContractError(f"it has a gene {unknown[0]!r}: there are {', '.join(get_args(Kind))}")
        if least := [gene for gene in genes if gene.values < 1]:
            raise ContractError(f"its gene {least[0].kind} has {least[0].values} values")


def decodes_in_range(plugin: Plugin) -> None:
    """Every candidate is k positions in the image and colours of 8 bits."""
    for each in _trials(plugin):
        require_edits(each.edits(), each.encoding, len(each.genes), each.images.shape[1:])


def is_the_same_alone(plugin: Plugin) -> None:
    """A candidate is decoded to the same edit each time, alone or among others."""
    for each in _trials(plugin):
        every, again = each.edits(), each.edits()
        some = slice(0, len(each.genes), 7)
        alone = [each.edits(slice(place, place + 1)) for place in range(0, len(each.genes), 7)]
        for whole, twice, ones in zip(every, again, zip(*alone, strict=True), strict=True):
            if not torch.equal(whole, twice) or not torch.equal(whole[some], torch.cat(ones)):
                raise ContractError("it decodes a candidate otherwise the second time, or alone")


def leaves_images(plugin: Plugin) -> None:
    """It does not write to the images or to the candidates."""
    for each in _trials(plugin):
        images, genes = each.images.clone(), each.genes.clone()
        decoder(each.encoding, each.images)(each.genes, each.rows)
        if not torch.equal(images, each.images) or not torch.equal(genes, each.genes):
            raise ContractError("it writes to the images or candidates")


def changes_at_most_k(plugin: Plugin) -> None:
    """An edit changes at most k pixels, or coordinates where it counts these, in the painted image."""
    for each in _trials(plugin):
        edits = each.edits()
        painted = edits.paint(each.images, each.rows) != each.images[each.rows]
        unit, k = unit_of(each.encoding), each.encoding.slots
        seen = painted.sum((1, 2, 3)) if unit == "coordinates" else painted.any(1).sum((1, 2))
        counted = changed(edits.differences(touch(each.images, each.rows, edits.positions)), unit)
        if int(seen.max()) > k or not torch.equal(seen, counted):
            raise ContractError(f"it changes {int(seen.max())} {unit} of at most {k}")


def survives_a_file(plugin: Plugin) -> None:
    """A painted image has 8-bit colours, so that a file holds it exactly."""
    for each in _trials(plugin):
        painted = each.edits().paint(each.images, each.rows)
        if not torch.equal(levels(painted.mul(255).round().to(torch.uint8)), painted):
            raise ContractError("a painted image has colours that no 8-bit file holds")


def finds_every_pixel(plugin: Plugin) -> None:
    """Uniform candidates of one pixel are uniform over the pixels of an image."""
    for shape in SHAPES:
        each = Trial.of(plugin, shape, 1, DRAWS)
        area = shape[1] * shape[2]
        _uniform(each.edits().positions.flatten().bincount(minlength=area), torch.arange(area))


def keeps_to_a_mask(plugin: Plugin) -> None:
    """With a mask, uniform candidates of one pixel are uniform over the pixels that may change."""
    each = Trial.of(plugin, SHAPES[0], 1, DRAWS)
    mask = torch.zeros(SHAPES[0][1:], dtype=torch.bool)
    mask[0, 4], mask[2, 1:4], mask[5, ::2] = True, True, True
    masked = within(mask, decoder(each.encoding, each.images), slot_genes(each.encoding, each.images))
    counts = masked(each.genes, each.rows).positions.flatten().bincount(minlength=mask.numel())
    _uniform(counts, mask.flatten().nonzero()[:, 0])


def _uniform(counts: Tensor, places: Tensor) -> None:
    """Refuse counts of pixels that are not alike at ``places``, by chance, or not 0 elsewhere."""
    share = 1 / len(places)
    expected, deviation = DRAWS * share, (DRAWS * share * (1 - share)) ** 0.5
    if int(counts.sum() - counts[places].sum()):
        raise ContractError("it has positions that a mask does not allow")
    if (off := (counts[places] - expected).abs().max()) > DEVIATIONS * deviation + 6:  # 6 are at the ends
        raise ContractError(f"a pixel has {off:.0f} more or fewer of {DRAWS} candidates than {expected:.0f}")


def has_plain_settings(plugin: Plugin) -> None:
    """Its settings are numbers, texts and lists, as JSON and the keys of runs hold them."""
    held = setting_values(plugin)
    try:
        json.dumps(held)
    except (TypeError, ValueError) as error:
        raise ContractError(f"its settings {held} are not what JSON holds: {error}") from error


EncodingClause = Callable[[Plugin], None]
"""Raises ContractError, or whatever the encoding raises."""

CLAUSES: dict[str, EncodingClause] = {
    "describes as many pixels as it is made for": describes_k,
    "names its genes in equal parts of known kinds": names_its_genes,
    "decodes every candidate to positions in the image and 8-bit colours": decodes_in_range,
    "decodes a candidate the same each time, alone and among others": is_the_same_alone,
    "does not write to images or candidates": leaves_images,
    "changes at most k pixels, or coordinates": changes_at_most_k,
    "paints images that an 8-bit file holds": survives_a_file,
    "finds every pixel equally often with uniform candidates": finds_every_pixel,
    "keeps to the pixels that a mask allows, equally often": keeps_to_a_mask,
    "has settings that JSON holds": has_plain_settings,
}


def _finding(sentence: str, clause: EncodingClause, plugin: Plugin) -> Finding:
    try:
        clause(plugin)
    except (ContractError, SparseattackError) as error:
        return Finding(sentence, False, str(error))
    except Exception as error:  # whatever an encoding raises
        return Finding(sentence, False, f"{type(error).__name__}: {error}")
    return Finding(sentence, True, "")
