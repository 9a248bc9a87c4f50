/* A kernel slides. */
"use strict";

(() => {
  const { fit, h, hatch, listed, refusal, rounded, signed, size, still, svg, unknown, Widget } = alexbook;

  const MOST_PADDING = 8;

  class Convolution extends Widget {
    static title = "A kernel slides over an image";
    static data = ["images"];
    static fluid = true;
    static defaults = { image: "digit-0", kernel: "right", divisor: 1, stride: 1, padding: 0, at: 0 };

    build({ images, kernels }) {
      [this.images, this.kernels] = [images, kernels];
      this.entries = Array.from({ length: 9 }, (_, place) => h("input", { type: "number", step: "any", inputmode: "decimal",
        "aria-label": `kernel, row ${Math.floor(place / 3) + 1}, column ${place % 3 + 1}`,
        oninput: () => this.change({ kernel: this.entries.map((entry) => entry.value || "?").join(" ") }) }));
      this.input = h("div", { class: "ax-grid" });
      this.output = h("div", { class: "ax-grid" });
      this.terms = h("div", { class: "ax-terms" });
      this.playing = null;
      this.play = this.button("Play", () => this.toggle());
      this.credit = h("p", { class: "ax-note" });
      this.body.append(
        h("div", { class: "ax-controls ax-four" },
          this.choice("image", "image", images.map((image) => [image.name, image.title]), (image) => ({ image, at: 0 })),
          this.choice("kernel", "kernel", [...kernels.map((kernel) => [kernel.name, kernel.title]), ["own", "your own"]],
            (name) => this.preset(name)),
          this.number("stride", "stride", 1), this.number("padding", "padding", 0)),
        h("div", { class: "ax-stage" },
          h("figure", { class: "ax-from" }, this.input, this.inputWords = h("figcaption")),
          h("figure", { class: "ax-by" }, h("div", { class: "ax-kernel" }, this.entries),
            this.number("divisor", "divided by", null, { step: "any", inputmode: "decimal" }), h("figcaption", {}, "kernel, 3×3")),
          h("figure", { class: "ax-to" }, this.output, this.outputWords = h("figcaption"))),
        h("div", { class: "ax-steps" }, this.button("◀", () => this.step(-1), "Step back"), this.play,
          this.button("▶", () => this.step(1), "Step forward"), this.slider("at", "window")),
        this.says, this.terms, this.credit);
      this.menu = this.inputs.kernel;
      delete this.inputs.kernel;
    }

    preset(name) {
      const known = this.kernels.find((kernel) => kernel.name === name);
      return known ? { kernel: name, divisor: known.divisor } : { kernel: this.values().join(" ") };
    }

    /** The nine weights, row by row; a preset's, or those that the setting lists. */
    values() {
      const known = this.kernels.find((kernel) => kernel.name === this.state.kernel);
      return known ? known.values : this.state.kernel.trim().split(/[\s,]+/).map((word) => word === "" ? NaN : Number(word));
    }

    step(by) {
      this.stop();
      this.change({ at: Math.min(Math.max(this.state.at + by, 0), this.count - 1) });
    }

    toggle() {
      if (this.playing) return this.stop();
      if (still.matches) return this.change({ at: this.count - 1 }); // no motion: the whole map at once
      if (this.state.at >= this.count - 1) this.change({ at: 0 });
      this.says.setAttribute("aria-live", "off"); // a sentence for each step would never end
      this.playing = setInterval(() => {
        if (this.state.at >= this.count - 1 || !this.isConnected) return this.stop();
        this.change({ at: this.state.at + 1 });
      }, 450);
      this.play.textContent = "Pause";
    }

    stop() {
      clearInterval(this.playing);
      this.playing = null;
      this.says.removeAttribute("aria-live");
      this.play.textContent = still.matches ? "Fill in" : "Play";
    }

    disconnectedCallback() { if (this.playing) this.stop(); }

    /** A change from outside while it plays, such as another image, stops it. */
    change(changed) {
      if (this.playing && !("at" in changed && Object.keys(changed).length === 1)) this.stop();
      super.change(changed);
    }

    refusal(image, values) {
      const { divisor, stride, padding } = this.state;
      if (!image) return unknown("image", this.state.image, this.images);
      if (values.length !== 9 || values.some((value) => !Number.isFinite(value))) {
        return `the kernel is '${this.state.kernel}', but must be nine numbers (or one of `
          + `${listed(this.kernels.map((kernel) => kernel.name))}).`;
      }
      if (!Number.isFinite(divisor) || divisor === 0) return `the divisor is ${divisor === 0 ? 0 : "no number"}, but must not be 0.`;
      const along = { kind: "convolution", input: image.values.length, kernel: 3, stride, before: padding, after: padding, dilation: 1 };
      return refusal(along).replace("padding before", "padding")
        || (padding > MOST_PADDING ? `padding is ${padding}, but there is room for at most ${MOST_PADDING} here.` : "");
    }

    render() {
      const { state } = this, image = this.images.find((known) => known.name === state.image);
      const values = this.values(), wrong = this.refusal(image, values);
      this.menu.value = this.kernels.some((kernel) => kernel.name === state.kernel) ? state.kernel : "own";
      if (!still.matches !== (this.play.textContent !== "Fill in") && !this.playing) this.stop();
      for (const [place, entry] of this.entries.entries()) {
        if (entry !== document.activeElement && values.length === 9) entry.value = Number.isFinite(values[place]) ? values[place] : "";
      }
      this.body.classList.toggle("ax-missing", Boolean(wrong));
      if (wrong) { this.sync(); return this.say(wrong, true); }
      const { padding, stride, divisor } = state, side = image.values.length;
      const across = fit({ input: side, kernel: 3, stride, before: padding, after: padding, dilation: 1, rounding: "floor" }).outputs;
      this.count = across * across;
      state.at = Math.min(Math.max(Math.round(state.at) || 0, 0), this.count - 1);
      this.inputs.at.max = this.count - 1;
      this.sync();
      const pixel = (r, c) => image.values[r]?.[c] ?? 0;
      const products = (place) => {
        const r = Math.floor(place / across) * stride - padding, c = (place % across) * stride - padding;
        return values.map((weight, tap) => [pixel(r + Math.floor(tap / 3), c + tap % 3), weight]);
      };
      const total = (place) => products(place).reduce((sum, [value, weight]) => sum + value * weight, 0);
      const results = Array.from({ length: this.count }, (_, place) => total(place) / divisor);
      this.drawInput(image, pixel, across);
      this.drawOutput(results, across, image);
      this.explain(products(state.at), total(state.at), across);
      this.credit.replaceChildren(...image.credit ? [h("a", { href: image.credit.link }, `${image.credit.text}.`)] : []);
    }

    /** A grid of cells, with numbers where they can be read; where not, at least a sign marks what is negative. */
    grid(box, cells, across, label, frame) {
      const unit = 30, text = box.clientWidth / across >= 16, whole = unit * across + 4;
      box.replaceChildren(svg("svg", { viewBox: `-2 -2 ${whole} ${whole}`, role: "img", "aria-label": label },
        svg("defs", {}, hatch(`${this.id}-pad`, "ax-hatch", 45)),
        cells.map(({ fill, css, ink, words, place }, index) => svg("g", { "data-place": place }, svg("rect", { x: unit * (index % across),
          y: unit * Math.floor(index / across), width: unit, height: unit, class: css, fill }),
        words != null && (text || words[0] === "−") && svg("text", { x: unit * (index % across) + unit / 2,
          y: unit * Math.floor(index / across) + 19.5, class: `ax-${ink} ax-long-${Math.min(words.length, 5)}` },
        text ? words : "−"))), svg("rect", { ...frame, class: "ax-frame-under" }), svg("rect", { ...frame, class: "ax-frame" })));
    }

    drawInput(image, pixel, across) {
      const { padding, stride, at } = this.state, side = image.values.length, whole = side + 2 * padding;
      const cells = Array.from({ length: whole * whole }, (_, place) => {
        const r = Math.floor(place / whole) - padding, c = place % whole - padding;
        if (r < 0 || c < 0 || r >= side || c >= side) return { css: "ax-edge", fill: `url(#${this.id}-pad)` };
        const share = pixel(r, c) / image.most, gray = Math.round(255 * (image.ink ? 1 - 0.85 * share : share));
        return { css: "ax-cell", fill: `rgb(${gray},${gray},${gray})`, ink: gray < 140 ? "white" : "black", words: String(pixel(r, c)) };
      });
      const r = Math.floor(at / across) * stride, c = (at % across) * stride;
      const label = `The image, ${side} by ${side} pixels${padding ? `, with ${padding} pixels of padding` : ""}; the window lies `
        + `on rows ${r - padding} to ${r - padding + 2}, columns ${c - padding} to ${c - padding + 2}.`;
      this.grid(this.input, cells, whole, label, { x: 30 * c, y: 30 * r, width: 90, height: 90 });
      this.inputWords.textContent = `image, ${size([side, side])}${padding ? `, padding ${padding}` : ""}`;
    }

    drawOutput(results, across) {
      const most = Math.max(...results.map(Math.abs), 1e-9), { at } = this.state;
      const cells = results.map((result, place) => {
        if (place > at) return { css: "ax-unfilled", place };
        const share = Math.abs(result) / most, color = result < 0 ? "vermilion" : "blue";
        return { css: "ax-cell", fill: `color-mix(in srgb, var(--ax-${color}) ${rounded(100 * share, 2)}%, white)`,
          ink: share > 0.62 && result > 0 ? "white" : "black", place,
          words: signed(rounded(result, Math.abs(result) < 100 ? 1 : 0)) };
      });
      const label = `The output map, ${across} by ${across}; ${at + 1} of ${this.count} cells filled in.`;
      this.grid(this.output, cells, across, label,
        { x: 30 * (at % across), y: 30 * Math.floor(at / across), width: 30, height: 30 });
      this.outputWords.textContent = `output, ${size([across, across])}`;
    }

    explain(products, sum, across) {
      const { at, divisor } = this.state, bracketed = (number) => number < 0 ? `(${signed(number)})` : String(number);
      const result = rounded(sum / divisor, 4), plain = rounded(sum, 6), whole = divisor === 1;
      const term = ([value, weight], place) => [h("i", {}, place ? "+" : ""),
        h("span", { class: weight === 0 || value === 0 ? "ax-nought" : "" }, `${value} · ${bracketed(weight)}`)];
      const terms = products.map(term);
      this.terms.replaceChildren(...[0, 3, 6].map((from) => h("div", {}, terms.slice(from, from + 3))),
        h("div", { class: "ax-sum" }, h("i", {}, "="), whole ? "" : `${signed(plain)} / ${bracketed(divisor)} = `,
          h("b", { "data-name": "sum" }, signed(result))));
      const place = `row ${Math.floor(at / across) + 1}, column ${at % across + 1}`;
      this.inputs.at.setAttribute("aria-valuetext", place);
      this.say(`Window ${at + 1} of ${this.count} (${place}): the nine products add up to ${signed(plain)}`
        + `${whole ? "" : `, divided by ${signed(divisor)} that is ${signed(result)}`}.`);
    }
  }

  alexbook.define(Convolution);
})();
