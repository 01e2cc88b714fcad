"""A search over settings: a study of trials, each a run, in a storage that several workers share.

`settings` says what a trial may be, `board` is the study in its storage, `claims` who works on what;
`trial` trains one, `worker` one after another, `sweep` all of them. A trial is a run like any other:
nothing here trains one by another way.
"""
