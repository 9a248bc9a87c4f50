"""The book for e-readers: the built pages as an EPUB 3, which needs no script and loads nothing."""
