"""The checks of the chapters' exercises, one module for each chapter; see :mod:`alexbook.checking`."""
