"""The figures of a study: each with its numbers, its result in a sentence, and ways to draw it.

In reading order: ``collection`` (all figures of results, and their files), ``figure`` (what one is),
``style`` (colours, dashes, axes, legends), ``panels`` (which conditions stand in one figure), ``success``
(curves of success), ``by_image`` (strategies compared image by image), ``ranks`` (the critical-difference
diagram), ``course`` (the margin over queries), ``effort`` (pixels, lengths and times) and ``heat_maps``
(classes, and places in the image).
"""
