"""Few-pixel search by an additive Gaussian process.

In reading order: ``strategy`` (the search), ``answers`` (what it learns from a query), ``arms`` (the pixels
and colours that it may use), ``kernel`` (how their effects vary together), ``sums`` (whose bits do not
depend on other images), ``posterior`` (what queries have shown of them), ``proposals`` (what to show next).
docs/additive-gp.md describes and measures it.
"""
