/* Starts reveal.js; keys that a widget or a field of it uses turn no slide. */
"use strict";

Reveal.initialize({
  width: 1280, height: 720, margin: 0.02, center: false, hash: true, slideNumber: "c/t", transition: "none", defaultTiming: 120,
  backgroundTransition: "none", pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
  keyboardCondition: (event) => !event?.target?.closest?.("[data-ax-widget], input, select"),
});
