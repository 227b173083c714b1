"""Search: one loop runs a strategy on every image under a per-image query budget.

Read in this order: ``loop`` (attack, round by round), ``inference`` (whether sparse inference is used),
``scheduler`` (which groups' queries share the next oracle call), ``group`` (one search over a group of
images), ``contract`` (what holds for candidates, checked every generation), ``isolation`` (random states and
modes that foreign code sets are put back), ``ledger`` (cost, first success, best candidate), ``outcome`` (the
result of one image), ``descent`` (to the fewest pixels that fool), ``per_image`` (CPU libraries that search
one image at a time), ``pixel_grid`` (pixels and colours in place of genes), ``ask_tell`` (a strategy as a
general optimizer).
"""
