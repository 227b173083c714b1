"""Executors: where the runs of a comparison are made, one file each.

``shard`` (a share of a comparison), ``division`` (what an executor is given), ``local`` (child processes on
this machine), ``slurm`` (tasks of a job array), ``ray`` (tasks on a cluster). Others are found by name, as
entry points of the group ``sparseattack.executors``.
"""
