"""The formats that `nnctl import` and `nnctl inspect` read, a file each, told apart by what a file begins
with.

Every file may come from a stranger: nothing in it runs, is imported, unpacked to the disk or followed
elsewhere.
"""
