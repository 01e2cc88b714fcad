"""Models as ONNX files: an op graph becomes ONNX's operators, one emitter for each kind of op.

Emitters stand by theme in `emit_*.py`; nothing here asks which layer an op was made for.
"""
