"""Experiment: what a person compares, made ready to run.

In reading order: ``settings`` (what is chosen), ``protocols`` (published settings), ``clean`` (the oracle and
its predictions on the clean images), ``prepare`` (everything loaded and checked), ``cases`` (which images are
attacked), ``manifest`` (what an experiment is made of).
"""
