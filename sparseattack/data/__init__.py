"""Data: the images that are attacked, and how they are read from files.

In reading order: ``images`` (8-bit images with labels), ``load`` (by name or path), ``selection`` (some of
them, and their size), ``resize`` (how they are brought to it), ``pictures``, ``folder``, ``npz`` and
``cifar10`` (readers of files), ``labels`` (classes as files write them), ``png`` (writing), ``panels``
(pictures that show an attack), ``notebook`` (images as HTML).
"""
