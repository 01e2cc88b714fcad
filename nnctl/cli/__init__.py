"""One file per command: parse, call one function, print, give an exit code.

Nothing here is worth a test that could not call the function itself.
"""
