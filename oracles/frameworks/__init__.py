"""Classifiers of other frameworks, from their own files: one kind a module.

``onnx``, ``huggingface`` (a folder of transformers), ``keras`` (a .keras file), ``tflite`` (LiteRT, once
TensorFlow Lite) and ``openvino`` (its IR); ``image_input`` is what their files say about
the images they take.
"""
