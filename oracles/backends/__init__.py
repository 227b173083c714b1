"""Backends: other libraries that compute the scores of a torch network, or of an ONNX file, on a CPU.

In reading order: ``backend`` (which there are, and what is tried before one is used), ``conversion`` (a
network made into one of another library).
"""
