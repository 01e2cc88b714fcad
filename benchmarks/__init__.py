"""Speed of nnctl beside PyTorch, Keras, NumPy and scikit-learn, measured in one run; see README.md."""
