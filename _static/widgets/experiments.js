/* Recorded runs. */
"use strict";

(() => {
  const { grouped, h, heading, listed, svg, unknown, upper, Widget } = alexbook;

  const MOST_CURVES = 6;
  const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

  class Experiments extends Widget {
    static title = "Recorded runs";
    static data = ["experiments"];
    static fluid = true;
    static defaults = { experiment: "ablation", conditions: "all no-dropout nothing" };

    build({ groups }) {
      this.groups = groups;
      this.boxes = h("fieldset", { class: "ax-boxes" });
      this.charts = h("div", { class: "ax-charts" });
      this.table = h("div", { class: "ax-table" });
      this.body.append(
        h("div", { class: "ax-controls ax-wide" }, this.choice("experiment", "experiment", groups.map((group) => [group.name, group.title]),
          (experiment) => ({ experiment, conditions: this.first(experiment) }))),
        this.boxes, this.charts, this.says, this.table);
    }

    first(experiment) {
      return this.groups.find((group) => group.name === experiment).conditions.slice(0, 4).map((one) => one.name).join(" ");
    }

    render() {
      const { state } = this, group = this.groups.find((known) => known.name === state.experiment);
      this.sync();
      this.body.classList.toggle("ax-missing", !group);
      if (!group) {
        return this.say(unknown("experiment", state.experiment, this.groups), true);
      }
      const wanted = new Set(state.conditions.split(/[\s,]+/).filter(Boolean)), known = group.conditions.map((one) => one.name);
      const strange = [...wanted].find((name) => !known.includes(name));
      const chosen = group.conditions.filter((one) => wanted.has(one.name));
      this.offer(group, chosen);
      this.charts.replaceChildren();
      this.table.replaceChildren();
      if (strange) return this.say(`there is no condition '${strange}' in ${group.name}; there are ${listed(known)}.`, true);
      if (!chosen.length) return this.say("no condition is chosen; tick at least one.", true);
      if (chosen.length > MOST_CURVES) {
        return this.say(`${chosen.length} conditions are chosen, but at most ${MOST_CURVES} curves can be told apart.`, true);
      }
      const second = group.held_out ? "error on images held out" : "test error";
      const most = Math.max(...chosen.flatMap((one) => [...one.train, ...one.test]).flat());
      const epochs = Math.max(...chosen.flatMap((one) => one.test.map((run) => run.length)));
      this.charts.append(this.chart("train", "training error, %", chosen, most, epochs),
        this.chart("test", `${second}, %`, chosen, most, epochs));
      const small = group.conditions.every((one) => [...one.train, ...one.test].every((run) => run.at(-1) < 10));
      const final = (series) => this.final(series.map((run) => run.at(-1)), small ? 2 : 1);
      const rows = chosen.map((one) => ({ one, train: final(one.train), test: final(one.test) }));
      this.tabulate(rows, second, group.tested);
      const ends = rows.map(({ one, test }) => `${one.label} ${test.mean} %`);
      this.say(`${upper(second)} at the end: ${ends.join("; ")}.`);
    }

    final(last, places) {
      return { mean: mean(last).toFixed(places), low: Math.min(...last).toFixed(places), high: Math.max(...last).toFixed(places) };
    }

    offer(group, chosen) {
      const full = chosen.length >= MOST_CURVES, names = chosen.map((one) => one.name);
      if (this.offered !== group) {
        this.offered = group;
        const ticked = () => [...this.boxes.querySelectorAll("input:checked")].map((box) => box.value).join(" ");
        const box = (value) => h("input", { type: "checkbox", value, onchange: () => this.change({ conditions: ticked() }) });
        this.boxes.replaceChildren(h("legend", {}, `conditions (at most ${MOST_CURVES})`), ...group.conditions.map((one) =>
          h("label", {}, box(one.name), h("span", { class: "ax-key" }), h("span", {}, one.label))));
      }
      for (const box of this.boxes.querySelectorAll("input")) {
        const place = names.indexOf(box.value);
        box.checked = place >= 0;
        box.disabled = full && place < 0;
        box.nextSibling.replaceChildren(...place < 0 || place >= MOST_CURVES ? [] : [this.key(place)]);
      }
    }

    key(place) {
      return svg("svg", { width: 46, height: 18, "aria-hidden": "true", class: `ax-curve ax-curve-${place}` },
        svg("path", { class: "ax-line", d: "M0 9H28" }), svg("circle", { cx: 36, cy: 9, r: 8 }), svg("text", { x: 36, y: 13 }, place + 1));
    }

    chart(which, title, chosen, most, epochs) {
      const room = Math.max(this.charts.clientWidth, 260), wide = room >= 600 ? Math.floor((room - 16) / 2) : room, tall = 250;
      const frame = { left: 34, right: wide - 24, top: 12, bottom: tall - 34 };
      const step = [1, 2, 5, 10, 20].find((size) => most / size <= 5.5) ?? 50, top = Math.ceil(most / step) * step;
      const x = (epoch) => epochs === 1 ? frame.left : frame.left + (epoch - 1) / (epochs - 1) * (frame.right - frame.left - 10);
      const y = (percent) => frame.bottom - percent / top * (frame.bottom - frame.top);
      const path = (points) => points.map(([a, b], place) => `${place ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
      const beside = [1, 2, 5, 10, 20, 50].find((size) => epochs / size <= 6);
      const parts = [];
      for (let value = 0; value <= top; value += step) {
        parts.push(svg("path", { class: "ax-rule", d: `M${frame.left} ${y(value)}H${frame.right}` }),
          svg("text", { class: "ax-tick ax-end", x: frame.left - 5, y: y(value) + 4 }, value));
      }
      for (let epoch = 1; epoch <= epochs; epoch += epoch === 1 && beside > 1 ? beside - 1 : beside) {
        parts.push(svg("text", { class: "ax-tick", x: x(epoch), y: frame.bottom + 15 }, epoch));
      }
      parts.push(svg("text", { class: "ax-tick", x: (frame.left + frame.right) / 2, y: tall - 3 }, "epoch"));
      const ends = [];
      chosen.forEach((one, place) => {
        const series = one[which], shortest = Math.min(...series.map((run) => run.length));
        const at = (epoch) => series.map((run) => run[epoch]), all = Array.from({ length: shortest }, (_, epoch) => epoch);
        const low = all.map((epoch) => [epoch + 1, Math.min(...at(epoch))]), high = all.map((epoch) => [epoch + 1, Math.max(...at(epoch))]);
        const line = all.map((epoch) => [epoch + 1, mean(at(epoch))]);
        const longest = series.reduce((one, other) => other.length > one.length ? other : one);
        parts.push(svg("g", { class: `ax-curve ax-curve-${place}`, "data-condition": one.name },
          series.length > 1 && svg("path", { class: "ax-band", d: `${path(low)}L${path(high.reverse()).slice(1)}Z` }),
          series.filter((run) => run.length > shortest).map((run) => svg("path", { class: "ax-single",
            d: path(run.slice(shortest - 1).map((value, epoch) => [shortest + epoch, value])) })),
          svg("path", { class: "ax-line", d: path(line) })));
        ends.push({ place, x: x(longest.length), label: y(longest.length > shortest ? longest.at(-1) : line.at(-1)[1]) });
      });
      // Numbers that would meet are moved apart.
      ends.sort((one, other) => one.label - other.label);
      for (let round = 0; round < 60; round += 1) {
        ends.forEach((end, place) => {
          for (const one of ends.slice(0, place)) {
            const lacking = 17 - (end.label - one.label);
            if (lacking > 0 && Math.abs(one.x - end.x) < 18) { end.label += lacking / 2; one.label -= lacking / 2; }
          }
        });
        for (const end of ends) end.label = Math.min(end.label, frame.bottom);
      }
      parts.push(...ends.map(({ place, x: at, label }) => svg("g", { class: `ax-curve ax-curve-${place}` },
        svg("circle", { cx: at + 14, cy: label, r: 8 }), svg("text", { x: at + 14, y: label + 4 }, place + 1))));
      const label = `${title} over ${epochs} epochs for ${listed(chosen.map((one) => one.label))}; `
        + "the table below has the final values.";
      return h("figure", {}, h("figcaption", {}, title),
        svg("svg", { viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall, role: "img", "aria-label": label }, parts));
    }

    tabulate(rows, second, tested) {
      const lengths = (one) => [...new Set(one.test.map((run) => run.length))].sort((a, b) => a - b);
      const uneven = rows.some(({ one }) => lengths(one).length > 1), several = rows.some(({ one }) => one.seeds.length > 1);
      const compared = rows.some(({ one }) => one.against);
      const cell = (name, { mean, low, high }, one) => h("td", { "data-name": name }, h("b", {}, mean),
        one.seeds.length > 1 && h("small", {}, ` ${low}–${high}`));
      this.table.append(
        h("table", {}, h("caption", {},
          several ? "At the end of each run: mean and, small, lowest to highest over the seeds; a band shows the same range."
            : "At the end of each run, one seed each.",
          compared && " Last: its mean, with a 95 % interval; decided where p, corrected for all conditions "
            + "of the experiment (Holm), is below 0.05.",
          tested && ` It is measured on ${grouped(tested)} test images, the other columns on the official ones among them.`,
          uneven && " Mean and band end where the first run ends; then come single runs."),
        heading("condition", "seeds (n)", "epochs", "training error, %", `${second}, %`,
          ...compared ? ["difference from everything on"] : []),
        h("tbody", {}, rows.map(({ one, train, test }, place) => h("tr", { "data-condition": one.name },
          h("th", { scope: "row" }, this.key(place), h("span", {}, one.label)), h("td", {}, one.seeds.length),
          h("td", {}, lengths(one).filter((_, at, all) => at === 0 || at === all.length - 1).join("–")),
          cell("train", train, one), cell("test", test, one), compared && h("td", {},
            one.against ? [h("b", {}, one.against[0]), h("small", {}, one.against[1])] : "–"))))),
        h("details", {}, h("summary", {}, "The commands that made these runs"),
          h("pre", {}, rows.map(({ one }) => one.command).join("\n"))));
    }
  }

  alexbook.define(Experiments);
})();
