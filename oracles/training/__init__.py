"""Training of the CIFAR-10 networks in the package, for `sparseattack train`.

In reading order: ``recipe`` (the settings), ``augmentation`` (batches of varied images), ``training`` (the
loop, its checkpoints, and the weights that an oracle reads).
"""
