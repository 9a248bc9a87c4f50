/* What the pages do by themselves; everything on them can be read without it. */
(() => {
  const actions = {
    print: () => window.print(),
    fullscreen: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
  };

  // A box that scrolls sideways says so, and can be scrolled with the keyboard.
  const boxes = ".pst-scrollable-table-container, .text_html, .output pre, .highlight pre, div.math, .formula";
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

  // A formula is copied as its LaTeX, whole.
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (selection.isCollapsed || document.activeElement.matches("input, textarea")) return;
    const range = selection.getRangeAt(0).cloneRange();
    const around = (node) => (node.closest ? node : node.parentElement).closest("article .math math");
    const first = around(range.startContainer), last = around(range.endContainer);
    if (first) range.setStartBefore(first);
    if (last) range.setEndAfter(last);
    const part = document.createElement("div");
    part.append(range.cloneContents());
    const formulas = part.querySelectorAll("math[alttext]");
    if (!formulas.length) return;
    for (const formula of formulas) {
      const mark = formula.getAttribute("display") === "block" ? "$$" : "$";
      formula.replaceWith(mark + formula.getAttribute("alttext") + mark);
    }
    for (const extra of part.querySelectorAll(".eqno, .headerlink")) extra.remove();
    document.querySelector("article").append(part); // where its lines end is known when it is laid out
    event.clipboardData.setData("text/plain", part.innerText);
    part.remove();
    event.preventDefault();
  });

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
    document.fonts.ready.then(markScrolled);
    let waiting;
    window.addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(markScrolled, 150);
    });
  });
})();
