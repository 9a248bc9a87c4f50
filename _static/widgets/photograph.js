/* A trained AlexNet looks at a photograph, a shipped one or the reader's own, in this page alone. */
"use strict";

(() => {
  const { bytes, h, largest, load, paint, paintHeat, paintMaps, rounded, size, steps, unknown, weighted, Widget } = alexbook;

  const NETWORK = "alexnet_photos", SCALED = 256, TOP = 5;
  const SLICE = 40; // milliseconds of computing between two looks at the page
  const PATCH = 64, STRIDE = 32; // pixels of the square that is moved over the photograph
  const pause = () => new Promise((resolve) => setTimeout(resolve));

  class Photograph extends Widget {
    static title = "A trained AlexNet looks at a photograph";
    static fluid = true;
    static defaults = { photograph: "cat", layer: "conv1", map: 3 };

    build() {
      this.file = h("input", { type: "file", accept: "image/*", onchange: () => this.own(this.file.files[0]) });
      this.file.id = `${this.id}-file`;
      this.picture = h("canvas", { class: "ax-photo", role: "img", "aria-label": "The photograph" });
      this.bars = h("div", { class: "ax-bars ax-classes" });
      this.progress = h("progress", { max: 1, value: 0, "aria-label": "computing" });
      this.start = this.button("Load the network", () => this.look());
      this.stop = this.button("Stop", () => { this.turn = null; });
      this.why = this.button("Why this answer?", () => this.explain());
      this.maps = h("canvas", { class: "ax-all-maps", role: "img", "aria-label": "Feature maps", onclick: (event) => this.pick(event) });
      this.detail = h("div", { class: "ax-unit" });
      this.body.append(
        h("div", { class: "ax-controls ax-wide" },
          this.choice("photograph", "photograph", [["own", "your own"]]),
          h("div", { class: "ax-field" }, h("label", { for: this.file.id }, "or your own: choose, take, drop or paste one"), this.file)),
        h("div", { class: "ax-photo-stage" }, h("figure", {}, this.picture, this.pictureWords = h("figcaption")), this.bars),
        h("div", { class: "ax-steps ax-wrap" }, this.start, this.why, this.stop, this.progress),
        this.says,
        this.below = h("div", { class: "ax-below" },
          h("div", { class: "ax-controls ax-four" }, this.choice("layer", "layer", []), this.number("map", "feature map", 0)),
          h("figure", {}, this.maps, this.mapWords = h("figcaption")), this.detail),
        h("p", { class: "ax-note" }, "The photograph does not leave this page. The network knows 101 classes of Caltech-101 and no "
          + "\"none of these\": it names some of them for any picture."), this.credit = h("p", { class: "ax-note" }));
      for (const name of ["dragover", "drop"]) this.body.addEventListener(name, (event) => event.preventDefault());
      this.body.addEventListener("drop", (event) => this.own(event.dataTransfer.files[0]));
      this.body.addEventListener("paste", (event) => this.own(event.clipboardData.files[0]));
      this.busy(false);
      this.wake();
    }

    /** The list of photographs is loaded, and the one that shows. */
    async wake() {
      try {
        const { photographs } = await load("photographs");
        if (this.photographs) return;
        this.photographs = photographs;
      } catch {
        return this.unloaded();
      }
      this.inputs.photograph.prepend(...this.photographs.map((one) => h("option", { value: one.name }, one.title)));
      this.render();
    }

    render() {
      if (!this.photographs) return this.say("Load the network to see what it answers.");
      this.sync();
      const { photograph } = this.state, known = this.photographs.find((one) => one.name === photograph);
      if (!known && photograph !== "own") {
        return this.say(unknown("photograph", photograph, this.photographs), true);
      }
      this.credit.replaceChildren(...known ? [h("a", { href: known.source }, `${known.credit}.`)] : []);
      if (known && this.showing !== photograph) {
        this.showing = photograph;
        load(`photograph-${photograph}`).then((jpeg) => {
          if (this.showing === photograph) this.shown(new Blob([bytes(jpeg)], { type: "image/jpeg" }), known.title);
        }, () => this.unloaded());
      } else if (this.stages) this.drawUnit();
    }

    unloaded() { this.say("the photographs could not be loaded.", true); }

    own(file) {
      if (!file) return;
      this.showing = "own";
      this.change({ photograph: "own" });
      this.shown(file, file.name || "your photograph");
    }

    /** Decodes a file, scales its shorter side to 256 pixels and cuts out the middle; then the network looks at it. */
    async shown(file, title) {
      this.turn = null;
      let bitmap;
      try {
        const whole = await createImageBitmap(file), scale = SCALED / Math.min(whole.width, whole.height);
        bitmap = scale === 1 ? whole : await createImageBitmap(whole, { resizeQuality: "high",
          resizeWidth: Math.round(whole.width * scale), resizeHeight: Math.round(whole.height * scale) });
      } catch {
        return this.say(`this browser cannot read ${title}; a JPEG or PNG file works.`, true);
      }
      const side = 224, canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(bitmap, -Math.floor((bitmap.width - side) / 2), -Math.floor((bitmap.height - side) / 2));
      const { data } = context.getImageData(0, 0, side, side);
      this.title = title;
      this.see(Float32Array.from({ length: 3 * side * side }, (_, place) => data[4 * Math.floor(place / 3) + place % 3]));
    }

    /** Pixels from 0 to 255, row by row, three channels each, as they are to be looked at. */
    see(pixels) {
      Object.assign(this, { pixels, side: Math.sqrt(pixels.length / 3), result: null, stages: null });
      this.drawPicture();
      this.bars.replaceChildren();
      this.busy(false);
      if (this.net) this.look();
      else this.say("Load the network to see what it answers.");
    }

    /** The network's input: normalized, channel by channel. */
    input(pixels) {
      const { mean, std } = this.net, area = this.side ** 2;
      return Float32Array.from(pixels, (_, at) => {
        const channel = Math.floor(at / area);
        return (pixels[3 * (at % area) + channel] - mean[channel]) / std[channel];
      });
    }

    busy(busy) {
      this.progress.hidden = this.stop.hidden = !busy;
      this.start.hidden = busy || Boolean(this.net);
      this.why.hidden = busy || !this.result;
      this.below.hidden = !this.stages;
    }

    /** The description first, then the weights, part by part. */
    async fetched() {
      const net = await load(NETWORK), parts = net.layers.flatMap((layer) => Array.isArray(layer.weight) ? layer.weight : []);
      this.say(`Loading ${rounded(net.size / 1e6, 1)} MB of weights …`);
      for (const [place, name] of parts.entries()) {
        await load(name);
        this.progress.value = (place + 1) / parts.length;
      }
      for (const layer of net.layers.filter((one) => Array.isArray(one.weight))) {
        const pieces = layer.weight.map((name) => new Uint8Array(bytes(alexbook.data[name])));
        const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
        pieces.reduce((at, piece) => { whole.set(piece, at); return at + piece.length; }, 0);
        layer.weight = whole.buffer;
      }
      return net;
    }

    async look() {
      this.progress.value = 0;
      this.busy(true);
      try {
        this.net ??= await this.fetched();
      } catch {
        this.busy(false);
        return this.say("the trained network could not be loaded.", true);
      }
      const begun = performance.now(), stages = await this.computed(this.input(this.pixels), 0, 1);
      if (!stages) return this.stopped();
      this.stages = stages;
      const logits = this.stages.pop().values, most = Math.max(...logits), powers = logits.map((value) => Math.exp(value - most));
      const sum = powers.reduce((all, power) => all + power, 0), shares = powers.map((power) => power / sum);
      const order = Array.from(shares.keys()).sort((a, b) => shares[b] - shares[a]).slice(0, TOP);
      this.result = { logits, shares, order, seconds: (performance.now() - begun) / 1000 };
      this.inputs.layer.replaceChildren(...this.stages.map(({ name }) => h("option", { value: name }, name)));
      this.busy(false);
      this.drawBars();
      this.drawUnit();
      this.say(`Most probable is ${this.named(order[0])} (${rounded(100 * shares[order[0]], 0)} %), then ${this.named(order[1])} `
        + `(${rounded(100 * shares[order[1]], 0)} %). It took ${rounded(this.result.seconds, 1)} s.`);
    }

    /** A class's name as words. */
    named(place) { return this.net.classes[place].replaceAll("_", " "); }

    stopped() {
      this.busy(false);
      this.say("Stopped. Choose a photograph to look at it again.");
      this.start.hidden = false;
      this.start.textContent = "Look again";
    }

    /** Every layer's output, computed in slices between which the page is alive; null if somebody has stopped it. */
    async computed(input, from, share) {
      const turn = this.turn = Symbol("turn"), stages = [];
      const all = this.net.layers.reduce((sum, { bits }, place) => sum + (bits ? this.work(place) : 0), 0);
      let done = 0, last = performance.now();
      for (const found of steps(this.net, input)) {
        if (typeof found === "number") done += found;
        else if (found.layer.op !== "flatten") {
          if (stages.at(-1)?.name === found.name) stages.pop();
          stages.push(found);
        }
        if (performance.now() - last > SLICE) {
          this.progress.value = from + share * done / all;
          await pause();
          if (this.turn !== turn) return null;
          last = performance.now();
        }
      }
      return stages;
    }

    /** Multiplications of a layer. */
    work(place) {
      const layer = this.net.layers[place], { weight } = weighted(layer);
      return weight.length * (layer.output.length === 3 ? layer.output[0] * layer.output[1] : 1);
    }

    /** By how much a gray square at each place lowers the first class's logit. */
    async explain() {
      const first = this.result.order[0], { mean } = this.net, { side } = this;
      const heat = new Float32Array(side * side), count = new Float32Array(side * side);
      const corners = Array.from({ length: Math.floor((side - PATCH) / STRIDE) + 1 }, (_, place) => place * STRIDE);
      this.progress.value = 0;
      this.busy(true);
      this.say(`${corners.length ** 2} copies of the photograph, each with another part covered …`);
      let done = 0;
      for (const top of corners) {
        for (const left of corners) {
          const covered = this.pixels.map((value, at) => {
            const row = Math.floor(at / 3 / side), column = Math.floor(at / 3) % side;
            return row >= top && row < top + PATCH && column >= left && column < left + PATCH ? mean[at % 3] : value;
          });
          const stages = await this.computed(this.input(covered), done / corners.length ** 2, 1 / corners.length ** 2);
          if (!stages) return this.stopped();
          const fall = this.result.logits[first] - stages.at(-1).values[first];
          for (let row = top; row < top + PATCH; row++) {
            for (let column = left; column < left + PATCH; column++) { heat[row * side + column] += fall; count[row * side + column]++; }
          }
          done++;
        }
      }
      this.heat = heat.map((sum, place) => sum / count[place]);
      this.busy(false);
      this.drawPicture(this.heat);
      this.say(`Covering an orange part lowers the score of ${this.named(first)}, covering a blue one raises it.`);
    }

    /** The map that was clicked on. */
    pick(event) {
      const box = this.maps.getBoundingClientRect(), { shape } = this.stage;
      const [rows, columns, maps] = shape.length === 1 ? [1, 1, shape[0]] : shape;
      const across = this.across(maps), gap = rows > 1 ? 1 : 0;
      const column = Math.floor((event.clientX - box.left) / box.width * this.maps.width / (columns + gap));
      const row = Math.floor((event.clientY - box.top) / box.height * this.maps.height / (rows + gap));
      this.change({ map: Math.min(row * across + column, maps - 1) });
    }

    /** Feature maps in a row: fewer where there is little room. */
    across(maps) { return Math.min(maps, this.body.clientWidth < 500 ? 8 : 16); }

    // --- drawing

    get stage() { return this.stages.find(({ name }) => name === this.state.layer) ?? this.stages[0]; }

    drawPicture(heat) {
      const { pixels, side } = this;
      paintHeat(this.picture, this.body, side, (place) => [0, 1, 2].map((channel) => pixels[3 * place + channel]), heat);
      this.picture.setAttribute("aria-label", heat ? `${this.title}, with the parts that matter for the answer.` : this.title);
      this.pictureWords.textContent = heat ? "orange: covering this part lowers the score" : `what the network sees, ${size([side, side])}`;
    }

    drawBars() {
      const { shares, order } = this.result;
      this.bars.replaceChildren(h("p", { class: "ax-note" }, "the five most probable of 101 classes"), ...order.map((place, rank) => {
        const bar = h("span", { class: "ax-bar" });
        bar.style.setProperty("--ax-share", `${100 * shares[place]}%`);
        return h("div", { class: rank ? "" : "ax-first", "data-class": place }, h("span", {}, this.named(place)),
          h("span", { class: "ax-track" }, bar), h("span", {}, `${(100 * shares[place]).toFixed(1)} %`));
      }));
    }

    /** All feature maps of a layer, and of one of them the filter and the patch that excites it most. */
    drawUnit() {
      const { stage, state } = this, { name, shape, values } = stage;
      const [rows, columns, maps] = shape.length === 1 ? [1, 1, shape[0]] : shape;
      const chosen = Number.isInteger(state.map) && state.map >= 0 && state.map < maps ? state.map : 0;
      this.inputs.map.max = maps - 1;
      this.inputs.layer.value = name;
      paintMaps(this.maps, this.body, [rows, columns, maps], values, this.across(maps));
      this.maps.style.setProperty("--ax-wide", rows > 1 ? 1000 : 300);
      const said = rows > 1 ? `${name}: ${maps} feature maps of ${size([rows, columns])}` : `${name}: ${maps} values`;
      this.maps.setAttribute("aria-label", `${said}; blue is positive, orange negative.`);
      this.mapWords.textContent = `${said}. ${rows > 1 ? "Click on one." : ""}`;
      this.detail.replaceChildren(...rows > 1 ? [this.filter(chosen), this.patch(chosen)].filter(Boolean) : []);
    }

    /** A filter of the first layer in color. */
    filter(map) {
      const layer = this.net.layers.find((one) => one.name === this.stage.name);
      if (layer.op !== "conv" || layer !== this.net.layers[0]) return null;
      const { weight, factor } = weighted(layer), [rows, columns] = layer.kernel, area = rows * columns, from = map * 3 * area;
      const own = Array.from(weight.subarray(from, from + 3 * area), (value) => value * Math.sign(factor[map]));
      const most = largest(own), canvas = h("canvas", { role: "img", "aria-label": `Filter ${map} of ${layer.name}` });
      paint(canvas, columns, rows, (x, y) => [0, 1, 2].map((channel) => 127.5 * (1 + own[channel * area + y * columns + x] / most)));
      return h("figure", {}, canvas, h("figcaption", {}, `filter ${map}, ${size([rows, columns, 3])}`));
    }

    /** The part of the photograph that the map's largest value sees. */
    patch(map) {
      const { shape: [rows, columns], values } = this.stage, own = values.subarray(map * rows * columns, (map + 1) * rows * columns);
      const place = own.indexOf(own.reduce((most, value) => Math.max(most, value))), at = [Math.floor(place / columns), place % columns];
      const layer = this.net.layers.find((one) => one.name === this.stage.name);
      const [top, left] = [0, 1].map((axis) => layer.start[axis] + at[axis] * layer.jump[axis]), [high, wide] = layer.field;
      const canvas = h("canvas", { role: "img", "aria-label": `What the largest value of map ${map} sees` });
      paint(canvas, wide, high, (x, y) => {
        const [row, column] = [top + y, left + x];
        if (row < 0 || column < 0 || row >= this.side || column >= this.side) return null;
        return [0, 1, 2].map((channel) => this.pixels[3 * (row * this.side + column) + channel]);
      });
      const words = `map ${map} is largest (${rounded(own[place], 2)}) where it sees this, ${size([high, wide])}`;
      return h("figure", {}, canvas, h("figcaption", {}, words));
    }
  }

  alexbook.define(Photograph);
})();
