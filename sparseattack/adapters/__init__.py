"""Adapters: few-pixel attacks in the style of other attack libraries, whose models they take as they are.

``few_pixels`` (the settings, the one call behind all adapters, and a plain function), ``colour_range`` (how a
library's colours become those in [0, 1]), ``torchattacks``, ``art`` (the Adversarial Robustness Toolbox) and
``foolbox``, each of which imports its library. Nothing here imports them.
"""
