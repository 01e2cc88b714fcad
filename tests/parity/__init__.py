"""Every class that nnctl has beside Keras's of the same name, with drawn arguments.

A draw starts from one of the cases that stand in the lists of a family's tests, and gives some of the class's
arguments another value that their types allow, and its axes other lengths. So a class that has a line in
those lists is drawn from, with every argument, and nothing else lists it.
"""
