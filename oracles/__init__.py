"""Oracles: one kind of classifier per module, and the parts they share.

Kinds: ``zoo`` (trained CIFAR-10 networks), ``alexnet`` and ``efficientnet`` (ImageNet); the user's own
classifiers by ``torch_module``, ``torch_export`` and ``sklearn``, and files of other frameworks and of ONNX
(``frameworks``); another oracle in reduced precision (``bfloat16``) or its labels alone (``labels``);
``remote`` (a server behind a network); ``table`` (the answers of another oracle); ``linear`` (for tests).

Parts of torch oracles: ``forward`` (the forward pass), ``weights`` (files of weights), ``networks``
(architectures), ``sparse_inference`` (scores of candidates from what they change), ``training`` (how the
weights in the package were made).
"""
