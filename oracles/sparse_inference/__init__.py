"""Sparse inference: scores of images that differ in few pixels from a clean one, computed where they differ.

Few changed pixels change few cells of the first feature maps. Those are computed from stored maps of the
clean image; where most cells have changed, the rest of the network is evaluated on whole maps.

In reading order: ``sparse_edits`` (the entry: whether it is possible, correct and faster), ``graph`` (a
network as a graph of torch operations), ``local_operation`` (an operation that computes a cell from few
cells), ``operations`` (which operations of torch are local), ``plan`` (how far changes reach, and up to
where they are followed), ``tables`` (feature maps in memory), ``evaluation`` (a plan carried out for a
batch of candidates).
"""
