"""From a layer graph to a flat list of kernel calls: gradients, passes, memory plan, binding.

Nothing here reads a config or a file, and nothing is allocated once a program is bound.
"""
