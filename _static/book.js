/* What the pages do by themselves; everything on them can be read without it. */
(() => {
  const actions = {
    print: () => window.print(),
    fullscreen: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
  };

  // A box that scrolls sideways says so, and can be scrolled with the keyboard.
  const boxes = ".pst-scrollable-table-container, .text_html, .cell_output > .output, .output pre, .highlight pre, div.math, .formula";
  const some = 3; // boxes at a time, so that a phone answers in between
  let latest;
  function markScrolled(changed) {
    const found = changed.map((box) =>
      [box, box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible"]);
    for (const [box, scrolls] of found) { // apart from the reading, so that the page is laid out once
      if (scrolls) box.tabIndex = 0;
      else if (box.classList.contains("scrolls")) box.removeAttribute("tabindex");
      box.classList.toggle("scrolls", scrolls);
    }
  }
  function markAll(waiting = latest = [...document.querySelectorAll(`article :is(${boxes})`)]) {
    if (waiting !== latest) return; // the page's width has changed since, and all are looked at again
    markScrolled(waiting.splice(0, some));
    document.documentElement.toggleAttribute("data-measured", !waiting.length);
    if (waiting.length) setTimeout(markAll, 0, waiting);
  }
  function watchBoxes() {
    markAll();
    window.addEventListener("resize", () => markAll());
    document.fonts.addEventListener("loadingdone", () => markAll()); // of a part that came into view late
    const sizes = new ResizeObserver((entries) => requestAnimationFrame(() => markScrolled(
      entries.flatMap(({ target }) => [target, target.parentElement]).filter((one) => one.matches(boxes)))));
    for (const box of document.querySelectorAll(`article :is(${boxes})`)) {
      for (const part of [box, ...box.children]) sizes.observe(part);
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

  // A menu closes when something else is pressed, and with Escape.
  const openMenus = () => document.querySelectorAll("details.dropdown[open]");
  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target) || event.target.closest(".dropdown-item")) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    for (const menu of event.key === "Escape" ? openMenus() : []) {
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
  });

  // The way back to the top shows while somebody scrolls back.
  function offerTop() {
    const button = document.getElementById("pst-back-to-top");
    let before = scrollY;
    button.addEventListener("click", () => scrollTo(0, 0));
    window.addEventListener("scroll", () => {
      button.style.display = scrollY < before && scrollY > 0 ? "block" : "none";
      before = scrollY;
    }, { passive: true });
  }

  document.addEventListener("DOMContentLoaded", () => {
    offerTop();
    for (const button of document.querySelectorAll("[data-does]")) {
      button.addEventListener("click", actions[button.dataset.does]);
    }
  });
  window.addEventListener("load", () => {
    // The theme takes the focus from a button that was pressed; with it goes the way back out of a dialog.
    for (const button of document.querySelectorAll(keepFocus)) button.blur = () => {};
    document.fonts.ready.then(watchBoxes);
  });
})();
