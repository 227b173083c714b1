"""The problem that a strategy solves: an oracle, an encoding, a fitness and a stopping criterion on images.

Read in this order: ``space`` (all that a strategy may know), ``edits`` (a few changed pixels), ``encodings``
(a package: from genes to edits), ``mask`` (pixels that may change), ``oracle`` (classifiers), ``scale``
(logits or probabilities), ``inference`` (images in, checked scores out), ``fitness`` (from scores to
objectives), ``criteria`` (when a search stops), ``evaluations`` (of queries), ``problem`` (evaluates
candidates), ``verification`` (evaluations that cost no query), ``purity`` (whether an oracle is a function of
the image alone).
"""
