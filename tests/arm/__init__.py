"""nnctl in an emulated 64-bit ARM userland: the hashes of this machine on another architecture."""
