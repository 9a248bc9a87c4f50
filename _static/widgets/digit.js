/* A digit is drawn, and a trained LeNet reads it while it is being drawn. */
"use strict";

(() => {
  const { bytes, forward, h, load, outputs, paint, paintHeat, paintMaps, rounded, signs, size, Widget } = alexbook;

  const SIDE = 28, FINE = 4, FIELD = SIDE * FINE, BOX = 20 * FINE; // MNIST's field and box; the pad is four times as fine
  const UNITS = 99, PEN = 4.6, NEAR = 2, STEP = 3; // a stroke's coordinates are 0 to 99; the pen's radius is in fine pixels
  const PATCH = 6, STRIDE = 2, MOST = 1990; // the occluding square; characters of a drawing, as a setting may have
  const ASK = "Draw a digit from 0 to 9 on the pad, or choose a test digit.";
  const WAIT = "The trained network is loaded when you draw or choose a digit.";
  const NETWORKS = [["lenet5_modern", "LeNet-5 of today"], ["lenet5", "LeNet-5 of 1998"]];

  const points = (stroke) => stroke.match(/\d{4}/g)?.map((pair) => [Number(pair.slice(0, 2)), Number(pair.slice(2))]) ?? [];
  const written = ([x, y]) => String(x).padStart(2, "0") + String(y).padStart(2, "0");
  const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

  /** The first and the last fine pixel that the pen reaches on its way from one coordinate to another. */
  const reached = (from, to) => [Math.max(0, Math.floor(Math.min(from, to) - PEN)), Math.min(FIELD - 1, Math.max(from, to) + PEN)];

  /** Strokes as gray values from 0 to 1 on the fine field: how much of each pixel a round pen has covered. */
  const ink = (strokes) => {
    const field = new Float32Array(FIELD * FIELD), scale = (FIELD - 1) / UNITS;
    for (const stroke of strokes.split("-")) {
      const along = points(stroke).map((point) => point.map((value) => value * scale));
      along.forEach(([x, y], place) => {
        const [fromX, fromY] = along[Math.max(0, place - 1)], dx = x - fromX, dy = y - fromY, length = dx * dx + dy * dy;
        const [top, bottom] = reached(y, fromY), [first, last] = reached(x, fromX);
        for (let row = top; row <= bottom; row++) {
          for (let column = first; column <= last; column++) {
            const t = length ? clamp(((column - fromX) * dx + (row - fromY) * dy) / length, 0, 1) : 0;
            const covered = clamp(PEN + 0.5 - Math.hypot(column - fromX - t * dx, row - fromY - t * dy), 0, 1);
            field[row * FIELD + column] = Math.max(field[row * FIELD + column], covered);
          }
        }
      });
    }
    return field;
  };

  /** The rectangle that the ink fills, [top, left, bottom, right], or null where there is none. */
  const extent = (field) => {
    let found = null;
    field.forEach((value, place) => {
      if (value < 0.1) return;
      const row = Math.floor(place / FIELD), column = place % FIELD;
      found = found ? [Math.min(found[0], row), Math.min(found[1], column), Math.max(found[2], row), Math.max(found[3], column)]
        : [row, column, row, column];
    });
    return found;
  };

  /** The fine field at a scale around its ink's middle, moved by whole pixels, as 28×28 gray values from 0 to 255. */
  const sampled = (field, zoom, [middleRow, middleColumn], [down, across]) => {
    const at = (row, column) => row >= 0 && column >= 0 && row < FIELD && column < FIELD ? field[row * FIELD + column] : 0;
    const image = new Float32Array(SIDE * SIDE);
    for (let row = 0; row < FIELD; row++) {
      const y = (row - down * FINE - middleRow) / zoom + middleRow, y0 = Math.floor(y), v = y - y0;
      for (let column = 0; column < FIELD; column++) {
        const x = (column - across * FINE - middleColumn) / zoom + middleColumn, x0 = Math.floor(x), u = x - x0;
        const value = (1 - v) * ((1 - u) * at(y0, x0) + u * at(y0, x0 + 1)) + v * ((1 - u) * at(y0 + 1, x0) + u * at(y0 + 1, x0 + 1));
        image[Math.floor(row / FINE) * SIDE + Math.floor(column / FINE)] += 255 * value / FINE ** 2;
      }
    }
    return image;
  };

  /** Where the ink's center of mass lies from the field's middle, in whole pixels, [down, across]. */
  const off = (image) => {
    let mass = 0, down = 0, across = 0;
    image.forEach((value, place) => {
      mass += value;
      down += value * (Math.floor(place / SIDE) + 0.5);
      across += value * (place % SIDE + 0.5);
    });
    return [down, across].map((sum) => Math.round(sum / mass - SIDE / 2));
  };

  /** A field as MNIST's images were made, or without a part of it: 28×28 whole numbers from 0 to 255. */
  const prepared = (field, { scale, center, invert }) => {
    const found = extent(field);
    let image = new Float32Array(SIDE * SIDE);
    if (found) {
      const [top, left, bottom, right] = found, middle = [(top + bottom) / 2, (left + right) / 2];
      const zoom = scale ? BOX / (Math.max(bottom - top, right - left) + 1) : 1;
      const centered = center ? [0, 1].map((axis) => Math.round(((FIELD - 1) / 2 - middle[axis]) / FINE)) : [0, 0];
      image = sampled(field, zoom, middle, centered);
      if (center) {
        const shift = off(image);
        if (shift[0] || shift[1]) image = sampled(field, zoom, middle, [0, 1].map((axis) => centered[axis] - shift[axis]));
      }
    }
    return image.map((value) => invert ? 255 - Math.round(value) : Math.round(value));
  };

  class Digit extends Widget {
    static title = "Draw a digit";
    static data = ["digits"];
    static defaults = { network: "lenet5_modern", example: "", strokes: "", scale: 1, center: 1, invert: 0, why: 0 };

    build({ examples, kilobytes }) {
      Object.assign(this, { examples, kilobytes });
      this.pad = h("canvas", { class: "ax-pad", width: FIELD * 2, height: FIELD * 2, tabindex: 0, role: "application",
        "aria-label": "Drawing pad", "aria-describedby": `${this.id}-keys`,
        onpointerdown: (event) => this.down(event), onpointermove: (event) => this.move(event),
        onpointerup: () => this.lift(), onpointercancel: () => this.lift(), onlostpointercapture: () => this.lift(),
        onkeydown: (event) => this.key(event) });
      this.seen = h("canvas", { class: "ax-seen", role: "img", "aria-label": "The network's input" });
      this.bars = h("div", { class: "ax-bars" });
      this.maps = h("div", { class: "ax-maps" });
      [this.cursor, this.penDown] = [[50, 50], false];
      this.toggles = {};
      const choices = [["", "your own"], ...Array.from({ length: 10 }, (_, label) => [String(label), `a test digit: ${label}`])];
      this.body.append(
        h("div", { class: "ax-controls ax-wide" }, this.choice("network", "network", NETWORKS),
          this.choice("example", "digit", choices, (example) => ({ example, strokes: "" }))),
        h("div", { class: "ax-digit-stage" },
          h("figure", {}, this.pad, h("figcaption", {}, "Draw here")),
          h("figure", {}, this.seen, this.seenWords = h("figcaption")), this.bars),
        h("div", { class: "ax-steps ax-wrap" }, this.asleep = this.button("", () => this.wake()),
          this.button("Undo", () => this.undo()), this.button("Clear", () => this.clear()),
          this.toggle("scale", "scale to 20×20"), this.toggle("center", "center by mass"), this.toggle("invert", "dark on bright"),
          this.toggle("why", "why this answer")),
        this.says, this.maps,
        h("p", { class: "ax-note", id: `${this.id}-keys` }, "With the keyboard: the arrow keys move the pen, the space bar sets it "
          + "down or lifts it, Backspace takes the last stroke back. What you draw stays in this page."));
      this.body.addEventListener("input", () => this.wake());
    }

    /** A link to settings shows what the network says to them. */
    restore() {
      if (location.hash.startsWith(`#${this.id}?`)) this.awake = true;
      super.restore();
    }

    /** A labeled check box, 1 or 0 as a setting. */
    toggle(key, words) {
      const input = this.toggles[key] = h("input", { type: "checkbox", name: key,
        onchange: () => this.change({ [key]: Number(input.checked) }) });
      return h("label", { class: "ax-check" }, input, words);
    }

    /** Weights are loaded when somebody draws, changes a setting or asks for them, and not with the page. */
    wake() {
      if (this.awake) return;
      this.awake = true;
      this.render();
    }

    // --- the pen

    position(event) {
      const box = this.pad.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
        .map((share) => clamp(Math.round(share * UNITS), 0, UNITS));
    }

    down(event) {
      event.preventDefault();
      this.wake();
      this.pad.focus({ preventScroll: true });
      this.pad.setPointerCapture(event.pointerId);
      this.penDown = false;
      this.drawing = true;
      this.begin(this.position(event));
    }

    move(event) {
      if (!this.drawing) return;
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) this.extend(this.position(one));
    }

    lift() { this.drawing = false; }

    begin(point) {
      const { strokes, example } = this.state;
      this.cursor = point;
      this.change({ example: "", strokes: (!example && strokes ? `${strokes}-` : "") + written(point) });
    }

    extend(point) {
      const last = points(this.state.strokes.slice(-4))[0];
      if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) < NEAR || this.state.strokes.length > MOST) return;
      this.cursor = point;
      this.state.strokes += written(point);
      this.frame ??= requestAnimationFrame(() => { this.frame = null; this.render(); });
    }

    clear() {
      [this.cursor, this.penDown] = [[50, 50], false];
      this.change({ strokes: "", example: "" });
    }

    undo() {
      this.penDown = false;
      this.change({ strokes: this.state.strokes.split("-").slice(0, -1).join("-"), example: "" });
    }

    key(event) {
      const move = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
      if (!move && event.key !== " " && event.key !== "Backspace") return;
      event.preventDefault();
      this.wake();
      if (event.key === "Backspace") return this.undo();
      if (move) {
        const to = this.cursor.map((value, axis) => clamp(value + move[axis], 0, UNITS));
        if (this.penDown) this.extend(to);
        this.cursor = to;
      } else {
        this.penDown = !this.penDown;
        if (this.penDown) this.begin(this.cursor);
      }
      this.render();
    }

    // --- what is shown

    render() {
      const { network, strokes, example } = this.state;
      this.sync();
      for (const [key, input] of Object.entries(this.toggles)) input.checked = Boolean(this.state[key]);
      if (!NETWORKS.some(([name]) => name === network)) {
        return this.say(`there is no network named '${network}'; there are ${NETWORKS.map(([name]) => name).join(", ")}.`, true);
      }
      if (example !== "" && !this.examples[example]) return this.say(`there is no test digit '${example}'; there are 0 to 9.`, true);
      this.field = example !== "" ? this.enlarged(this.examples[example]) : ink(strokes);
      this.drawPad();
      this.asleep.hidden = this.awake;
      this.asleep.textContent = `Load the network (${this.kilobytes[network]} kB)`;
      if (!this.awake) {
        this.drawSeen(prepared(this.field, this.state), null);
        return this.say(WAIT);
      }
      const known = this.loaded?.[network];
      if (!known) {
        this.say("Loading the trained network …");
        load(network).then((data) => { (this.loaded ??= {})[network] = data; this.render(); },
          () => this.say("the trained network could not be loaded.", true));
        return;
      }
      this.net = known;
      this.answer(prepared(this.field, this.state));
    }

    /** A test digit, 28×28 bytes, on the fine field. */
    enlarged(text) {
      const pixels = new Uint8Array(bytes(text));
      return Float32Array.from({ length: FIELD * FIELD }, (_, place) =>
        pixels[Math.floor(place / FIELD / FINE) * SIDE + Math.floor(place % FIELD / FINE)] / 255);
    }

    /** 28×28 gray values from 0 to 255 as the network's input: in the middle of zeros, if it is larger, and normalized. */
    input(pixels, { input: [height, width], mean: [mean], std: [std] } = this.net) {
      const margin = (height - SIDE) / 2;
      return Float32Array.from({ length: height * width }, (_, place) => {
        const row = Math.floor(place / width) - margin, column = place % width - margin;
        const inside = row >= 0 && column >= 0 && row < SIDE && column < SIDE;
        return ((inside ? pixels[row * SIDE + column] : 0) - mean) / std;
      });
    }

    /** How near each class is, larger is nearer: minus the distance to its code, or its logit. */
    scores(values) { return this.net.layers.at(-1).op === "distance" ? values.map((value) => -value) : values; }

    answer(pixels) {
      const stages = [];
      let last;
      for (last of forward(this.net, this.input(pixels))) {
        if (last.layer.op === "flatten") continue;
        if (last.name && stages.at(-1)?.name === last.name) stages.pop();
        stages.push(last);
      }
      stages.pop();
      const scores = this.scores(last.values), order = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a]);
      const powers = scores.map((score) => Math.exp(score - scores[order[0]])), all = powers.reduce((sum, power) => sum + power, 0);
      this.result = { pixels, values: last.values, scores, shares: powers.map((power) => power / all), order };
      const { centers } = this.net.layers.at(-1), blank = this.state.example === "" && !this.state.strokes;
      this.drawSeen(pixels, null);
      this.drawBars(centers);
      this.drawMaps(stages, centers);
      this.body.classList.toggle("ax-blank", blank);
      const [first, second] = order, { shares } = this.result;
      const percent = (share) => `${rounded(100 * share, share > 0.1 ? 0 : 1)} %`;
      if (blank) this.say(ASK);
      else if (centers) {
        const [near, next] = [first, second].map((label) => rounded(-scores[label], 1));
        this.say(`Nearest is the code of ${first} (distance ${near}), then that of ${second} (${next}).`);
      }
      else this.say(`Most probable is ${first} (${percent(shares[first])}), then ${second} (${percent(shares[second])}).`);
      if (this.state.why && !blank) this.explain(pixels, first);
    }

    /** By how much a background-colored square at each place lowers the first class's score, in slices of a row. */
    async explain(pixels, first) {
      this.heat = null;
      const turn = this.turn = Symbol("turn"), paper = this.state.invert ? 255 : 0;
      const heat = new Float32Array(SIDE * SIDE), count = new Float32Array(SIDE * SIDE), base = this.result.scores[first];
      for (let top = 0; top <= SIDE - PATCH; top += STRIDE) {
        for (let left = 0; left <= SIDE - PATCH; left += STRIDE) {
          const covered = pixels.slice();
          for (let row = top; row < top + PATCH; row++) covered.fill(paper, row * SIDE + left, row * SIDE + left + PATCH);
          const fall = base - this.scores(outputs(this.net, this.input(covered)))[first];
          for (let row = top; row < top + PATCH; row++) {
            for (let column = left; column < left + PATCH; column++) { heat[row * SIDE + column] += fall; count[row * SIDE + column]++; }
          }
        }
        await new Promise((resolve) => setTimeout(resolve));
        if (this.turn !== turn) return;
      }
      this.heat = heat.map((sum, place) => sum / count[place]);
      this.drawSeen(pixels, this.heat);
    }

    // --- drawing

    drawPad() {
      const context = this.pad.getContext("2d"), unit = this.pad.width / FIELD;
      paint(this.pad, this.pad.width, this.pad.height, (x, y) => {
        const gray = 255 * (1 - this.field[Math.floor(y / unit) * FIELD + Math.floor(x / unit)]);
        return [gray, gray, gray];
      });
      if (document.activeElement !== this.pad || this.drawing) return;
      const [x, y] = this.cursor.map((value) => value / UNITS * this.pad.width);
      const { above, below } = signs(this.body);
      context.strokeStyle = `rgb(${this.penDown ? below : above})`;
      context.lineWidth = 3;
      context.beginPath();
      context.arc(x, y, 9, 0, 2 * Math.PI);
      context.stroke();
    }

    drawSeen(pixels, heat) {
      paintHeat(this.seen, this.body, SIDE, (place) => Array(3).fill(pixels[place]), heat);
      const words = heat ? "orange: covering this lowers the first class's score" : `what the network sees, ${size([SIDE, SIDE])}`;
      this.seenWords.textContent = words;
      this.seen.setAttribute("aria-label", heat ? "The input with the places that matter for the answer." : "The input, 28 by 28 pixels.");
    }

    drawBars(centers) {
      const { shares, scores, order } = this.result, farthest = Math.max(...scores.map((score) => -score));
      const words = centers ? "distance to each class's code (short: near)" : "probability of each class";
      this.bars.replaceChildren(h("p", { class: "ax-note" }, words),
        ...Array.from(scores, (score, label) => {
          const share = centers ? -score / farthest : shares[label], bar = h("span", { class: "ax-bar" });
          bar.style.setProperty("--ax-share", `${100 * share}%`);
          const code = centers && h("canvas", { class: "ax-code", role: "img", "aria-label": `code of ${label}` });
          if (code) paint(code, 7, 12, (x, y) => centers[label][7 * y + x] > 0 ? [0, 0, 0] : [255, 255, 255]);
          return h("div", { class: label === order[0] ? "ax-first" : "", "data-class": label }, h("b", {}, label), code,
            h("span", { class: "ax-track" }, bar), h("span", {}, centers ? (-score).toFixed(1) : `${(100 * share).toFixed(1)} %`));
        }));
    }

    /** Every layer's output, and behind the last one the codes that it is compared with. */
    drawMaps(stages, centers) {
      if (centers) stages = [...stages, { name: "the ten codes", shape: [12, 7, 10], values: Float32Array.from(centers.flat()) }];
      while (this.maps.children.length > stages.length) this.maps.lastChild.remove();
      stages.forEach(({ name, shape, values }, place) => {
        this.maps.children[place] ?? this.maps.append(h("figure", {}, h("canvas", { role: "img" }), h("figcaption")));
        const [canvas, words] = this.maps.children[place].children;
        const [rows, columns, maps] = shape.length === 1 ? [1, 1, shape[0]] : shape, flat = rows * columns === 1;
        const across = flat ? (maps === 84 ? 7 : 12) : maps === 10 ? 10 : Math.min(maps, 8);
        paintMaps(canvas, this.body, [rows, columns, maps], values, across);
        const wide = canvas.width;
        canvas.style.setProperty("--ax-wide", wide * (flat || maps === 10 ? 6 : clamp(330 / wide, 2, 5)));
        const said = flat ? `${name}: ${maps} values` : maps === 10 ? name : `${name}: ${maps} feature maps of ${size([rows, columns])}`;
        canvas.setAttribute("aria-label", `${said}; blue is positive, orange negative.`);
        words.textContent = said;
      });
    }
  }

  alexbook.define(Digit);
})();
