"""One module for each library that is timed. A worker process imports one of them, and so one library.

A side has ``versions()``, ``threads()``, ``variants(work)`` (names of the ways in which the library can do that piece of
work; none if it cannot) and ``prepare(work, arrays, variant)``, which gives a ``Prepared``; where it must
forget something between two pieces of work, ``release()``.
"""
