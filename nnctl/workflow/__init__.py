"""One function per command: data, graph, session and run directory put together.

Nothing here parses a command line or prints.
"""
