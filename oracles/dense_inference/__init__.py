"""Dense inference: scores of whole images by networks, in blocks in which an image's bits are its own.

In reading order: ``forward`` (a torch network on its device), ``scores`` (those among what it returns),
``blocks`` (how many images at a time), ``fusion`` (batch-norm folded, the same kernels for any batch).
"""
