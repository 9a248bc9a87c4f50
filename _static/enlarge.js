/* A chapter's figures, enlarged: by a click on one, or by the button that this script puts below it. */
(() => {
  "use strict";
  const AT_LEAST = 1.8; // times as wide as on the page; where the screen is too small for that, the picture scrolls
  // A figure may hold several drawings, for either theme or for narrow screens, of which it shows one.
  const drawnIn = (figure) => [...figure.querySelectorAll("img, svg")].filter((drawing) =>
    !drawing.closest("figcaption") && !drawing.parentElement.closest("svg"));
  let dialog;

  function make(name, className, properties = {}) {
    return Object.assign(document.createElement(name), {className, ...properties});
  }

  function makeDialog() {
    dialog = make("dialog", "enlarged");
    const close = make("button", "enlarged-close", {type: "button", textContent: "Close"});
    const picture = make("div", "enlarged-picture cell_output", {tabIndex: 0, role: "group"});
    dialog.append(close, picture, make("div", "enlarged-words"));
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { for (const part of dialog.querySelectorAll("div")) part.replaceChildren(); });
    document.querySelector("article").append(dialog); // where the styles of figures hold
  }

  // A copy without names, which a page can have once; those within a drawing stay, as its parts refer to each other.
  function copyOf(element) {
    const copy = element.cloneNode(true);
    copy.removeAttribute("id");
    for (const extra of copy.querySelectorAll(".headerlink, .enlarge")) extra.remove();
    return copy;
  }

  function enlarge(figure, button) {
    if (!dialog) makeDialog();
    const [picture, words] = dialog.querySelectorAll("div");
    const drawings = drawnIn(figure).filter((drawing) => drawing.getBoundingClientRect().width > 0);
    if (!drawings.length) return;
    const box = drawings[0].getBoundingClientRect(), name = figure.querySelector(".figure-number").textContent;
    picture.replaceChildren(...drawings.map(copyOf));
    words.replaceChildren(...[...figure.querySelector("figcaption").children].map(copyOf));
    dialog.ariaLabel = name;
    picture.ariaLabel = `${name}, enlarged`;
    button.focus({preventScroll: true}); // a dialog that closes gives the focus back to where it was
    dialog.showModal();
    const room = picture.getBoundingClientRect();
    const fits = Math.min(room.width - 4, (room.height - 4) / drawings.length * box.width / box.height);
    picture.style.setProperty("--wide", `${Math.max(fits, AT_LEAST * box.width)}px`);
    picture.scrollTo(0, 0);
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const figure of document.querySelectorAll('article figure[id^="figure-"]')) {
      const caption = figure.querySelector("figcaption");
      if (!caption || !drawnIn(figure).length) continue;
      const name = `Enlarge ${caption.querySelector(".figure-number").textContent}`;
      const button = make("button", "enlarge", {type: "button", ariaLabel: name, title: name});
      button.addEventListener("click", () => enlarge(figure, button));
      (caption.querySelector("p:last-of-type") ?? caption).append(" ", button);
      for (const drawing of drawnIn(figure)) {
        drawing.classList.add("enlarges");
        drawing.addEventListener("click", (event) => { if (!event.target.closest("a")) enlarge(figure, button); });
      }
    }
  });
})();
