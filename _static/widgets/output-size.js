/* Windows along one side. */
"use strict";

(() => {
  const {
    fit, formula, fraction, grouped, h, hatch, listed, many, refusal, row, signed, size, svg, Widget,
  } = alexbook;

  const DRAWN = 4096; // pixels: no drawing of more than that

  /** The pixels of the input that no window looks at. */
  const unused = ({ input, kernel, stride, before, dilation }, outputs) => {
    const seen = new Uint8Array(input);
    for (let start = -before, left = outputs; left > 0; left -= 1, start += stride) {
      for (let tap = 0; tap < kernel; tap += 1) seen[start + tap * dilation] = 1; // outside the array: no effect
    }
    return [...seen.keys()].filter((pixel) => !seen[pixel]);
  };

  /** Runs of neighbors as [first, last]. */
  const runs = (numbers) => numbers.reduce((found, number) => {
    if (found.length && found.at(-1)[1] === number - 1) found.at(-1)[1] = number;
    else found.push([number, number]);
    return found;
  }, []);

  class OutputSize extends Widget {
    static title = "Output-size calculator";
    static data = ["networks"];
    static fluid = true;
    static defaults = { kind: "convolution", input: 8, kernel: 3, stride: 1, before: 0, after: 0, dilation: 1,
      rounding: "floor", window: 0 };

    build({ networks }) {
      const found = {};
      const examples = networks.map((network) => [network.title, network.layers.filter((layer) => layer.window)
        .map((layer) => {
          found[`${network.name} ${layer.name}`] = { ...layer.window, window: 0 };
          return [`${network.name} ${layer.name}`, `${layer.name} (${network.name})`];
        })]);
      this.formulas = h("div", { class: "ax-formulas" });
      this.drawing = h("div", { class: "ax-drawing" });
      this.legend = h("ul", { class: "ax-legend" });
      this.body.append(
        h("div", { class: "ax-controls" },
          this.choice("kind", "layer", [["convolution", "convolution"], ["pooling", "pooling"]]),
          this.number("input", "input", 1), this.number("kernel", "kernel", 1), this.number("stride", "stride", 1),
          this.number("before", "padding before", 0), this.number("after", "padding after", 0),
          this.number("dilation", "dilation", 1),
          this.choice("rounding", "rounding", [["floor", "down (floor)"], ["ceil", "up (ceil)"]]),
          this.choice("example", "or a layer of the book's networks", [["", "choose one …"], ...examples],
            (name) => found[name] ?? {})),
        this.says, this.drawing,
        this.steps = h("div", { class: "ax-steps" }, this.button("◀", () => this.step(-1), "Previous window"),
          this.slider("window", "window"), this.button("▶", () => this.step(1), "Next window")),
        this.legend, this.formulas);
      this.inputs.example.parentNode.classList.add("ax-double");
      delete this.inputs.example; // it sets the other settings and is none itself
    }

    step(by) { this.change({ window: Math.min(Math.max(this.state.window + by, 0), this.outputs - 1) }); }

    render() {
      const { state } = this;
      if (state.kind === "pooling") state.dilation = 1; // the book's pools have no holes
      const wrong = refusal(state);
      this.inputs.dilation.disabled = state.kind === "pooling";
      this.classList.toggle("ax-empty", Boolean(wrong));
      for (const part of [this.formulas, this.drawing, this.legend]) part.replaceChildren();
      this.steps.hidden = Boolean(wrong);
      this.outputs = wrong ? null : fit(state).outputs;
      if (wrong) { this.sync(); return this.say(wrong, true); }
      const { outputs, room, reach, dropped } = fit(state);
      state.window = Math.min(Math.max(Math.round(state.window) || 0, 0), outputs - 1);
      Object.assign(this.inputs.window, { max: outputs - 1 });
      this.inputs.window.setAttribute("aria-valuetext", this.where());
      this.steps.hidden = outputs < 2;
      this.sync();
      this.say(`${many(outputs, "window")} ${outputs === 1 ? "fits" : "fit"}: ${many(state.input, "pixel")} in, `
        + `${grouped(outputs)} out. A map of ${size([state.input, state.input])} becomes ${size([outputs, outputs])}.`);
      this.formulas.append(...this.reckon(room, reach, outputs, dropped));
      if (state.input + state.before + state.after <= DRAWN) this.draw(outputs, reach);
    }

    where() {
      const { window, stride, before, dilation, kernel } = this.state, start = window * stride - before;
      const end = start + dilation * (kernel - 1);
      return `Window ${window + 1} of ${this.outputs}: ${start === end ? `pixel ${signed(start)}`
        : `pixels ${signed(start)} to ${signed(end)}`}`;
    }

    reckon(room, reach, outputs, dropped) {
      const { input, kernel, stride, before, after, dilation, rounding } = this.state;
      const [open, close] = rounding === "ceil" ? "⌈⌉" : "⌊⌋";
      const share = room / stride, exact = Number(share.toFixed(3)) === share;
      const width = dilation > 1 ? "reach" : "kernel";
      const lines = dilation > 1
        ? [formula("reach", "=", dilation, "·", "(", kernel, "-", 1, ")", "+", 1, "=", reach)] : [];
      lines.push(
        formula(open, fraction(row("input", "+", "before", "+", "after", "-", width), row("stride")), close, "+", 1),
        formula("=", open, fraction(row(input, "+", before, "+", after, "-", reach), row(stride)), close, "+", 1),
        formula("=", open, exact ? share : `${share.toFixed(3)}…`, close, "+", 1, "=", dropped ? outputs + 1 : outputs));
      if (dropped) {
        lines.push(h("p", { class: "ax-note" }, `The last of these windows would start at pixel ${outputs * stride - before}, `
          + `beyond the input's ${input} pixels: it is left out, and ${outputs} remain.`));
      }
      return lines;
    }

    draw(outputs, reach) {
      const { input, kernel, stride, before, after, dilation, window } = this.state;
      const width = Math.max(this.drawing.clientWidth, 200), id = this.id;
      const left = -before, right = Math.max(input + after, (outputs - 1) * stride - before + reach);
      const missed = unused(this.state, outputs), start = window * stride - before;
      // Where all pixels at once would be too small to see, a bar shows the whole row, and below it a part, enlarged.
      const digits = String(right).length, shown = Math.max(Math.floor(width / (7 * digits + 6)), 6);
      const whole = right - left <= shown;
      let first = left, last = right;
      if (!whole) {
        first = Math.round(start + reach / 2 - shown / 2);
        first = Math.max(left, Math.min(first, right - shown));
        if (reach > shown) first = start;
        last = first + shown;
      }
      const top = whole ? 4 : 46, cell = Math.min(width / (last - first), 46);
      const shift = (width - cell * (last - first)) / 2, x = (pixel) => shift + (pixel - first) * cell;
      const outside = (pixel) => pixel < 0 || pixel >= input, gone = new Set(missed);
      const parts = [];
      if (!whole) {
        const scale = width / (right - left), bar = (pixel) => (pixel - left) * scale;
        const block = (a, b, attributes) => svg("rect", { x: bar(a), y: 4, width: Math.max((b - a) * scale, 1.5),
          height: 14, ...attributes });
        parts.push(block(0, input, { class: "ax-pixel" }));
        if (before) parts.push(block(left, 0, { class: "ax-edge", fill: `url(#${id}-pad)` }));
        if (right > input) parts.push(block(input, right, { class: "ax-edge", fill: `url(#${id}-pad)` }));
        parts.push(...runs(missed).slice(0, 300).map(([a, b]) => block(a, b + 1, { class: "ax-missed" })),
          block(start, start + reach, { class: "ax-window" }),
          svg("path", { class: "ax-lens", d: `M${bar(first)} 20V22L0.5 ${top - 3}M${bar(last)} 20V22L${width - 0.5} ${top - 3}` }));
      }
      const numbers = [];
      for (let pixel = first; pixel < last; pixel += 1) {
        const kind = outside(pixel) ? "pad" : gone.has(pixel) ? "missed" : "pixel";
        parts.push(svg("rect", { x: x(pixel), y: top, width: cell, height: 30, "data-pixel": pixel, "data-kind": kind,
          class: kind === "pixel" ? "ax-pixel" : "ax-edge", fill: kind === "pixel" ? false : `url(#${id}-${kind})` }));
        if (kind !== "pad" && cell >= 7 * String(pixel).length + 2) {
          numbers.push(svg("text", { x: x(pixel) + cell / 2, y: top + 19, class: kind === "missed" ? "ax-strong" : "" }, pixel));
        }
      }
      const taps = Array.from({ length: kernel }, (_, tap) => start + tap * dilation);
      parts.push(...taps.filter((pixel) => pixel >= first && pixel < last).map((pixel) => svg("rect", { x: x(pixel) + 1,
        y: top + 1, width: Math.max(cell - 2, 1), height: 28, class: "ax-tap" })), numbers);
      // One output for each stride: drawn as wide as that, under the middle of its window.
      const middle = (index) => x(index * stride - before + reach / 2), half = Math.min(stride * cell, 60) / 2;
      const ends = [Math.max(x(start), -2), Math.min(x(start + reach), width + 2)], below = top + 76;
      parts.push(svg("path", { class: "ax-beam", d: `M${ends[0]} ${top + 31}H${ends[1]}L${middle(window) + half} ${below}`
        + `H${middle(window) - half}Z` }),
        svg("rect", { x: ends[0], y: top, width: ends[1] - ends[0], height: 30, class: "ax-window" }));
      for (let index = 0; index < outputs; index += 1) {
        const at = middle(index);
        if (at < -half || at > width + half) continue;
        parts.push(svg("rect", { x: at - half, y: below, width: 2 * half, height: 28,
          class: index === window ? "ax-output ax-current" : "ax-output", "data-output": index }));
        if (2 * half >= 7 * String(index).length + 2) {
          parts.push(svg("text", { x: at, y: below + 18 }, index));
        }
      }
      const said = `${this.where()}. ${this.sayUnused(missed)}`;
      this.drawing.append(svg("svg", { viewBox: `0 0 ${width} ${below + 30}`, width, height: below + 30, role: "img",
        "aria-label": `Above, the row of the input; below, the row of the output. ${said}` },
        svg("defs", {}, hatch(`${id}-pad`, "ax-hatch", 45), hatch(`${id}-missed`, "ax-hatch-missed", -45)), parts));
      const swatch = (name, words) => h("li", {}, svg("svg", { width: 20, height: 14, "aria-hidden": "true" },
        svg("rect", { x: 1, y: 1, width: 18, height: 12, class: name[0], fill: name[1] ? `url(#${id}-${name[1]})` : false })),
        words);
      this.legend.append(...[
        swatch(["ax-window"], this.where()),
        right > input || before ? swatch(["ax-edge", "pad"], right > input + after
          ? `padding, and ${many(right - input - after, "pixel")} beyond the end` : "padding") : null,
        missed.length ? swatch(["ax-edge", "missed"], this.sayUnused(missed)) : h("li", {}, this.sayUnused(missed)),
      ].filter(Boolean));
    }

    sayUnused(missed) {
      if (!missed.length) return "Every pixel is used.";
      const found = runs(missed), named = found.slice(0, 6).map(([a, b]) => a === b ? String(a) : `${a} to ${b}`);
      if (found.length > 6) named.push(`${found.length - 6} more stretches`);
      return `Unused: ${missed.length === 1 ? "column" : `${grouped(missed.length)} columns,`} ${listed(named)}`;
    }
  }

  alexbook.define(OutputSize);
})();
