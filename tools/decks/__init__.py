"""Slides: a deck for each chapter, written beside it in ``slides/`` and made by ``make slides``.

A deck names what it shows of its chapter (figures, outputs, questions, exercises, widgets) and the expressions of its
numbers; nothing is copied, so that nothing drifts. ``source`` finds what is named, ``numbers`` computes, ``deck`` reads
a deck's file, ``page`` writes one HTML file of it, ``printer`` prints that. ``slides/README.md`` says how to write one.
"""
