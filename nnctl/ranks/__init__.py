"""Several processes that train one model together: who they are, and how what each has made is added up.

Sums follow one tree over shards: the same bits on one process as on eight. Nothing here knows what is added.
"""
