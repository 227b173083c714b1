"""Executors: where the runs of a comparison are made, one file each.

``shard`` (a share of a comparison, and what an executor is given), ``local`` (child processes on this
machine). Others are found by name, as entry points of the group ``sparseattack.executors``.
"""
