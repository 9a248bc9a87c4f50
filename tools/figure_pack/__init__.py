"""The book's figures for slides and handouts: files, captions, alternative texts and the license in one archive."""
