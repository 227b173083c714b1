"""Few-pixel attacks of other libraries, whose queries the attack's own loop counts and ends: one a file.

In reading order: ``model_calls`` (what such an attack shows its model becomes candidates),
``torchattacks_network`` (the network that torchattacks takes), ``torchattacks_onepixel``,
``torchattacks_pixle``, ``art_pixel``.
"""
