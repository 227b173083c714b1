"""Benchmarks of the speed of attacks: ``python -m benchmarks --help``, at the root of the checkout.

In reading order: ``throughput`` (against the raw forward pass), ``peer_comparison`` and ``peers`` (other
libraries), ``scaling`` (larger attacks), ``strategy_time`` (without the network); below them ``options``,
``networks``, ``timing`` and ``results``.
"""
