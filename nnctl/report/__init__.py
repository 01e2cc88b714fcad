"""What a person reads: tables, progress, problems, numbers in words.

Nothing here trains, reads data or decides.
"""
