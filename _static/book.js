/* What the pages do by themselves; everything on them can be read without it. */
(() => {
  const actions = {
    print: () => window.print(),
    fullscreen: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
  };

  // A box that scrolls sideways says so, and can be scrolled with the keyboard.
  const boxes = ".pst-scrollable-table-container, .text_html, .output pre, .highlight pre, div.math, " +
    "mjx-container[display]";
  function markScrolled() {
    for (const box of document.querySelectorAll(`article :is(${boxes})`)) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible";
      box.classList.toggle("scrolls", scrolls);
      if (scrolls) box.tabIndex = 0;
      else if (box.classList.contains("scrolls-before")) box.removeAttribute("tabindex");
      box.classList.toggle("scrolls-before", scrolls);
    }
  }

  const keepFocus = ".theme-switch-button, .search-button__button, .sidebar-toggle, .copybtn";

  // On paper everything is open; hints and solutions close again afterwards.
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("article details:not([open])")];
    for (const details of closed) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-does]")) {
      button.addEventListener("click", actions[button.dataset.does]);
    }
    markScrolled();
  });
  window.addEventListener("load", () => {
    // The theme takes the focus from a button that was pressed; with it goes the way back out of a dialog.
    for (const button of document.querySelectorAll(keepFocus)) button.blur = () => {};
    markScrolled();
    window.MathJax?.startup?.promise?.then(markScrolled);
    let waiting;
    window.addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(markScrolled, 150);
    });
  });
})();
