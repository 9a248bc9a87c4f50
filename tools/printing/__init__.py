"""The book on paper: the built pages as one document, printed by Chromium."""
