"""What another library's attack shows its model becomes candidates, and their scores its model's answer.

Such an attack calls its model, and returns when it has finished: it runs in a thread of its own, and waits in
each call until its images have been evaluated. One of the two threads runs at any time.
"""

from collections.abc import Callable
from threading import Semaphore, Thread

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sparseattack import ImageSearch, PixelGrid, Space, StrategyError
from sparseattack.errors import require

THREADS = 64  # most images that are searched at once
COLOURS = 256  # of a channel

Model = Callable[[Tensor], Tensor]
"""What a library takes for a network: images ``(n, C, H, W)`` in [0, 1] to scores ``(n, K)``, float32."""

LibraryAttack = Callable[[Model], object]
"""One run of a library's attack on one image; what it returns is not used."""


def metered(space: Space, attack: LibraryAttack, who: str) -> ImageSearch:
    """The search of one image by ``attack``, which errors call ``who``; it is run again when it returns.

    Each image that it shows its model is a query, the clean image too. Its colours are rounded to 8 bits, and
    the scores are those of the rounded image. StrategyError for an image that changes more than k pixels, and
    where it returns without a call; InputError for an encoding other than ``rgb``, or a mask.
    """
    grid = _grid_of(space, who)
    space.journal.limited(THREADS)
    clean = grid.pixels(space.images)
    while True:
        run = LibraryThread(attack)
        try:
            if (images := run.resume(None)) is None:
                raise StrategyError(f"{who} returned without showing its model an image")
            while images is not None:
                yield _candidates(images, clean, grid, who)
                images = run.resume(space.scores[0])
        finally:
            run.end()
        space.journal.restarted()


def _grid_of(space: Space, who: str) -> PixelGrid:
    require(space.allowed is None, f"{who} knows no mask, and would be charged for pixels outside it")
    grid = PixelGrid.of(space, who)
    fewest = min(grid.shades)
    require(
        fewest == COLOURS,
        f"{who} paints any 8-bit colour and leaves pixels as they are: it needs the encoding rgb, not one of"
        f" {fewest} values a channel",
    )
    return grid


def _candidates(images: Tensor, clean: Tensor, grid: PixelGrid, who: str) -> NDArray[np.float64]:
    """Candidates ``(n, D)`` that are the ``images (n, C, H, W)``, of the ``clean (1, H * W, C)`` image.

    Slots that an image has left over paint unchanged pixels in the colour that they have.
    """
    pixels = grid.pixels(images.clamp(0, 1))
    changed = (pixels != clean).any(2)
    most = int(changed.sum(1).max())
    if most > grid.slots:
        raise StrategyError(
            f"{who} showed its model an image with {most} changed pixels, and k is {grid.slots}"
        )
    positions = changed.byte().sort(dim=1, descending=True, stable=True).indices[:, : grid.slots]
    colours = pixels.gather(1, positions.unsqueeze(2).expand(-1, -1, grid.channels))
    return grid.candidates(positions[None], colours[None])[0].double().numpy()


class ThreadEndedError(BaseException):
    """Raised in a library's call of its model to end it; no Exception, which the library might handle."""


class LibraryThread:
    """A run of a library's attack, which waits in each call of its model.

    ``resume`` lets it run to its next call; ``end`` ends it, and its thread, wherever it is.
    """

    def __init__(self, attack: LibraryAttack) -> None:
        self.thread = Thread(target=self._run, args=(attack,), daemon=True)
        self.answered, self.waiting = Semaphore(0), Semaphore(0)
        self.images: Tensor | None = None  # that it shows; None at its end
        self.scores: Tensor | None = None
        self.error: BaseException | None = None
        self.ending = False

    def resume(self, scores: Tensor | None) -> Tensor | None:
        """Answer its call with ``scores (n, K)``, None at the start; the images ``(n, C, H, W)`` of its next.

        None where it has returned; what it has raised is raised.
        """
        self.scores = scores
        if self.thread.ident is None:
            self.thread.start()
        else:
            self.answered.release()
        self.waiting.acquire()
        if self.error:
            raise self.error
        return self.images

    def end(self) -> None:
        """End it in its next call, and every later one, until its thread has ended."""
        self.ending = True
        self.answered.release()
        if self.thread.ident is not None:
            self.thread.join()

    def _model(self, images: Tensor) -> Tensor:
        """Show ``images (n, C, H, W)`` and wait for their scores ``(n, K)``: in the library's thread."""
        if not self.ending:
            self.images = images.detach().float().clone()
            self.waiting.release()
            self.answered.acquire()
        if self.ending:
            raise ThreadEndedError
        assert self.scores is not None
        return self.scores.clone()  # not one of another thread's inference mode

    def _run(self, attack: LibraryAttack) -> None:
        try:
            with np.errstate(all="ignore"):  # a flat generation is divided by its deviation, for one
                attack(self._model)
        except ThreadEndedError:
            pass
        except BaseException as error:  # raised again by ``resume``
            self.error = error
        finally:
            self.images = None
            self.waiting.release()
