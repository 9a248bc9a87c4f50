// Makes buttons of a quiz's choices. Each answers at once, with its reason; the page works without this script, too.
(() => {
  "use strict";
  const LETTERS = "ABCD";

  const element = (name, className, text = "") => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  };

  // One question; `answered` is told, once, whether the first choice was the right one.
  const enliven = (question, answered) => {
    const feedback = question.querySelector(".quiz-feedback");
    const details = question.querySelector(".quiz-reasons");
    const reasons = [...details.querySelectorAll("li")];
    const right = reasons.findIndex((reason) => "right" in reason.dataset);
    let tries = 0;

    const answer = (button, place) => {
      const hit = place === right;
      button.dataset.state = hit ? "right" : "wrong";
      button.querySelector(".quiz-mark").textContent = hit ? "✓ right" : "✗ no";
      feedback.dataset.state = button.dataset.state;
      feedback.replaceChildren(element("strong", "", `${LETTERS[place]}: `), reasons[place].cloneNode(true));
      feedback.lastChild.replaceWith(...feedback.lastChild.childNodes);
      tries += 1;
      if (tries === 1) answered(hit);
      if (hit) details.hidden = false;
    };

    [...question.querySelectorAll(".quiz-choices > li")].forEach((item, place) => {
      const button = element("button", "quiz-choice");
      button.type = "button";
      button.append(element("span", "quiz-letter", LETTERS[place]), ...item.childNodes, element("span", "quiz-mark"));
      button.addEventListener("click", () => answer(button, place));
      item.replaceChildren(button);
    });
    details.querySelector("summary").textContent = "All the reasons";
    details.hidden = true;
    question.classList.add("quiz-live");
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const quiz of document.querySelectorAll(".quiz")) {
      const questions = [...quiz.querySelectorAll(".quiz-question")];
      const score = quiz.querySelector(".quiz-score");
      let done = 0;
      let good = 0;
      for (const question of questions) {
        enliven(question, (hit) => {
          done += 1;
          good += hit;
          if (done === questions.length) score.textContent = `${good} of ${done} right at the first try.`;
        });
      }
    }
  });

  // On paper there is nothing to click: the reasons are shown, and folded again afterward.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll(".quiz-reasons")].filter((details) => !details.open);
    for (const details of folded) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
  });
})();
