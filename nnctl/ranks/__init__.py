"""Several processes that train one model together: who they are, and how what each has made is added up.

Sums follow one tree over shards, whatever the number of processes: the same bits on one as on eight.
"""
