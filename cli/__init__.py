"""The command line ``sparseattack``; everything that it does can be done from Python too.

In reading order: ``main`` (errors and exit codes), ``commands`` (every command with its options), ``options``
(those that commands share), one module per command, package ``study`` (the commands about studies) and
``terminal`` (what is printed).
"""
