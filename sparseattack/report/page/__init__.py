"""A study as one page of HTML that needs nothing but itself: no network, no file beside it.

In reading order: ``document`` (the page of one or several studies), ``chapter`` (all that it says of one),
``fragility`` (how fragile the model is), ``wording`` (sentences), ``cells`` (tables and their order),
``drawings`` (figures), ``pairs`` (the scatter of a chosen pair), ``gallery`` (which runs are shown),
``thumbnails`` (their images), ``origin`` (what is needed to repeat it) and ``file`` (how the page is
written). The template, its style and its script are files beside these modules.
"""
