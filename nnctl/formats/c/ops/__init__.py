"""What each op is in C, by theme.

An op's emitter writes its loops and never plans memory: where values lie is the file's business.
"""
