#!/usr/bin/env python3
"""Write the font of the pages' formulas: STIX Two Math with the signs that a textbook uses, a tenth of its weight.

Get the whole font with ``npm pack @fontsource/stix-two-math@5.3.0``, unpack it, install ``brotli``, which WOFF2 needs,
and::

    python tools/math_font.py package/files/stix-two-math-latin-400-normal.woff2
"""

import sys
from pathlib import Path

from fontTools import subset

TARGET = Path(__file__).resolve().parent.parent / "extra" / "vendor" / "fonts" / "stix-two-math-subset.woff2"
# Signs, Greek, arrows, operators, brackets; letters in italics and bold as MathML asks for them.
RANGES = ("20-7e,a0,ac,b0,b1,b7,d7,f7,391-3a9,3b1-3c9,3d1,3d5,3f5,2009-200a,2016,2026,2032-2034,2061-2063,210e,2113,"
          "211d,2190-2194,21a6,21d0-21d4,2200,2202,2203,2205,2207,2208,2209,220f,2211,2212,2213,2215,2217-221a,221d,"
          "221e,2223,2225,2227-222b,223c,2243,2248,2260,2261,2264,2265,226a,226b,2282,2286,2295,2297,2299,22a4,22c5,"
          "22ee,22ef,22f1,2308-230b,23b4,23b5,23dc-23df,27e8,27e9,2a01,2a02,"
          "1d400-1d467,1d6a8-1d6e1,1d6e2-1d71b")
FEATURES = ["ssty", "kern", "dtls", "mark", "mkmk"]


def write(source: Path, target: Path) -> int:
    """Writes the signs of ``RANGES`` with all that sets formulas (the table MATH); returns the file's bytes."""
    options = subset.Options(flavor="woff2", layout_features=FEATURES, hinting=False, notdef_outline=True)
    font = subset.load_font(str(source), options)
    worker = subset.Subsetter(options)
    worker.populate(unicodes=subset.parse_unicodes(RANGES))
    worker.subset(font)
    subset.save_font(font, str(target), options)
    return target.stat().st_size


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(f"{TARGET.name}: {write(Path(sys.argv[1]), TARGET):,} bytes")
