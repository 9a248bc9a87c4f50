/* The book's widgets: custom elements in one classic script, so that they work from a file as well as from a server.

   What stands inside a tag is shown until its widget is ready, and instead of it in print and without JavaScript. The
   facts come from ../widgets-data/, which _ext/widgets.py writes from the package; tests/test_widgets.py compares what is
   shown with the package's own numbers. A widget's settings are its attributes, its `settings` property, and, in a
   link that was copied, the part of the address behind # : the element's id, a question mark, the settings. */
"use strict";

(() => {
  const DATA = new URL("../widgets-data/", document.currentScript.src);
  const NAMESPACES = { svg: "http://www.w3.org/2000/svg", math: "http://www.w3.org/1998/Math/MathML" };
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // --- making elements -----------------------------------------------------------------------------------------------

  const maker = (namespace) => (tag, attributes = {}, ...children) => {
    const made = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value != null) made.setAttribute(name, value);
    }
    made.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
    return made;
  };
  const h = maker(), svg = maker(NAMESPACES.svg), mathml = maker(NAMESPACES.math);

  /** Rows of a formula: numbers, words and signs become what MathML asks for. */
  const row = (...parts) => mathml("mrow", {}, parts.map((part) => part instanceof Node ? part
    : mathml(typeof part === "number" || /^[\d.,…]+$/.test(part) ? "mn" : /^[a-z ]+$/.test(part) ? "mtext" : "mo", {},
      String(part).replace("-", "−"))));
  const fraction = (top, bottom) => mathml("mfrac", {}, top, bottom);
  const formula = (...parts) => mathml("math", { display: "block" }, row(...parts));

  const grouped = (number) => number.toLocaleString("en-US");
  const signed = (number) => String(number).replace("-", "−");
  const rounded = (number, places) => Number(number.toFixed(places));
  const size = (shape) => shape.length === 1 ? grouped(shape[0]) : shape.join("×");
  const many = (count, word) => `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;
  const heading = (...words) => h("thead", {}, h("tr", {}, words.map((word) => h("th", { scope: "col" }, word))));
  const upper = (words) => words[0].toUpperCase() + words.slice(1);
  const unknown = (what, name, known) => `there is no ${what} named '${name}'; there are ${known.map((one) => one.name).join(", ")}.`;
  const listed = (words) => words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

  /** `axData[name]`, once the script that sets it has run. */
  const loading = {};
  const load = (name) => loading[name] ??= new Promise((resolve, reject) => {
    if (window.axData?.[name]) return resolve(window.axData[name]);
    document.head.append(h("script", { src: new URL(`${name}.js`, DATA),
      onload: () => resolve(window.axData[name]), onerror: () => reject(new Error(name)) }));
  });

  /** A hatching that a shape can be filled with: fill="url(#id)". */
  const hatch = (id, name, turned) => svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse",
    patternTransform: `rotate(${turned})` }, svg("path", { class: name, d: "M0 3h6" }));

  // --- what all widgets share ----------------------------------------------------------------------------------------

  class Widget extends HTMLElement {
    static get observedAttributes() { return Object.keys(this.defaults); }

    connectedCallback() {
      if (this.body) return;
      const { name, defaults, data } = this.constructor;
      const alike = [...document.querySelectorAll(this.localName)];
      this.id ||= alike.indexOf(this) ? `${this.localName}-${alike.indexOf(this) + 1}` : this.localName;
      this.state = { ...defaults };
      for (const key of Object.keys(defaults)) {
        if (this.hasAttribute(key)) this.state[key] = this.read(key, this.getAttribute(key));
      }
      this.given = { ...this.state };
      this.says = h("p", { class: "ax-says", role: "status" });
      this.link = h("input", { class: "ax-link", readonly: true, hidden: true, "aria-label": "Link to these settings" });
      this.copied = h("span", { class: "ax-copied", role: "status" });
      this.body = h("div", { class: "ax-body", role: "group", "aria-label": this.constructor.title });
      Promise.all(data.map(load)).then((loaded) => this.start(loaded), () => {
        this.append(h("p", { class: "ax-says ax-wrong", role: "status" },
          "The data of this widget could not be loaded; the text above says what it would show."));
      });
    }

    start(loaded) {
      const fallback = h("div", { class: "ax-fallback" });
      fallback.append(...this.childNodes);
      this.append(fallback, this.body);
      this.body.append(
        h("div", { class: "ax-head" }, h("p", { class: "ax-title" }, this.constructor.title), this.copied,
          h("span", {}, h("button", { type: "button", class: "ax-plain", onclick: () => this.reset() }, "Reset"),
            h("button", { type: "button", class: "ax-plain", onclick: () => this.copy() }, "Copy link"))),
        this.link);
      this.build(...loaded);
      this.restore();
      window.addEventListener("hashchange", () => this.restore());
      if (this.constructor.fluid) new ResizeObserver(() => this.resized()).observe(this.body);
      this.classList.add("ax-ready");
      this.change({});
    }

    attributeChangedCallback(name, before, value) {
      if (this.classList.contains("ax-ready") && value !== null) this.change({ [name]: this.read(name, value) });
    }

    /** An attribute's or a link's text as a setting, of the kind that its default is. */
    read(key, text) {
      if (typeof this.constructor.defaults[key] !== "number") return text;
      return text.trim() === "" ? NaN : Number(text);
    }

    get settings() { return { ...this.state }; }

    set settings(changed) { this.change(changed); }

    change(changed) {
      Object.assign(this.state, changed);
      this.render();
    }

    reset() { this.change(this.given); }

    resized() {
      const width = Math.round(this.body.clientWidth);
      if (width && width !== this.drawn) { this.drawn = width; this.render(); }
    }

    restore() {
      const [id, query] = location.hash.slice(1).split("?");
      if (id !== this.id || query === undefined) return;
      const known = [...new URLSearchParams(query)].filter(([key]) => key in this.constructor.defaults);
      this.change(Object.fromEntries(known.map(([key, text]) => [key, this.read(key, text)])));
      this.scrollIntoView({ block: "start" });
    }

    get address() {
      const query = new URLSearchParams(Object.entries(this.state).filter(([, value]) => value === value));
      return `${location.href.split("#")[0]}#${this.id}?${query}`;
    }

    copy() {
      const address = this.address;
      history.replaceState(null, "", address);
      const shown = () => {
        Object.assign(this.link, { hidden: false, value: address });
        this.link.select();
        this.copied.textContent = "Copy the selected link.";
      };
      if (!navigator.clipboard) return shown();
      navigator.clipboard.writeText(address).then(() => { this.copied.textContent = "Link copied."; }, shown);
    }

    /** Say a sentence, aloud for those who listen; an error has a word of its own, not only a color. */
    say(sentence, wrong = false) {
      this.says.classList.toggle("ax-wrong", wrong);
      const text = wrong ? `Not possible: ${sentence}` : sentence;
      if (this.says.textContent !== text) this.says.textContent = text;
    }

    /** An input with its label, which `sync` keeps at the setting's value. */
    field(key, words, input, css = "ax-field") {
      (this.inputs ??= {})[key] = input;
      input.id = `${this.id}-${key}`;
      return h("div", { class: css }, h("label", { for: input.id }, words), input);
    }

    /** A labeled number; what is typed is a setting at once. */
    number(key, words, least, attributes = {}) {
      const input = h("input", { type: "number", min: least, step: 1, inputmode: "numeric", name: key, ...attributes,
        oninput: () => this.change({ [key]: input.valueAsNumber }) });
      return this.field(key, words, input);
    }

    /** A labeled menu of [value, words] or, with a heading, [heading, [[value, words], ...]]. */
    choice(key, words, options, changed = (value) => ({ [key]: value })) {
      const option = ([value, label]) => Array.isArray(label) ? h("optgroup", { label: value }, label.map(option))
        : h("option", { value }, label);
      const select = h("select", { name: key, onchange: () => this.change(changed(select.value)) }, options.map(option));
      return this.field(key, words, select);
    }

    button(words, act, label) {
      return h("button", { type: "button", class: "ax-button", "aria-label": label, onclick: act }, words);
    }

    slider(key, words) {
      const input = h("input", { type: "range", min: 0, step: 1, name: key,
        oninput: () => this.change({ [key]: input.valueAsNumber }) });
      return this.field(key, words, input, "ax-field ax-slider");
    }

    /** Inputs show the settings, but what somebody is typing is left alone. */
    sync() {
      for (const [key, input] of Object.entries(this.inputs)) {
        const value = this.state[key], text = value !== value ? "" : String(value);
        const typing = input === document.activeElement && input.type === "number";
        if (input.value !== text && !(typing && Object.is(input.valueAsNumber, value))) input.value = text;
      }
    }
  }

  // --- 1: output size ------------------------------------------------------------------------------------------------

  const LEAST = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, input: 1 };
  const DRAWN = 4096; // pixels: no drawing of more than that

  /** Why these settings give no output, as alexbook.arithmetic says it, or an empty string. */
  const refusal = ({ kind, input, kernel, stride, before, after, dilation, rounding = "floor" }) => {
    if (kind !== "convolution" && kind !== "pooling") return `the layer is '${kind}', but must be 'convolution' or 'pooling'.`;
    if (rounding !== "floor" && rounding !== "ceil") return `rounding is '${rounding}', but must be 'floor' or 'ceil'.`;
    const values = { kernel, stride, dilation, before, after, input };
    for (const [key, least] of Object.entries(LEAST)) {
      const value = values[key], word = key === "before" || key === "after" ? `padding ${key}` : key;
      if (!Number.isInteger(value) || value < least) {
        return `${word} is ${value === value ? signed(value) : "empty"}, but must be a whole number of at least ${least}.`;
      }
    }
    if (kind === "pooling" && Math.max(before, after) >= kernel) {
      return `a padding of ${before} + ${after} with a kernel of ${kernel} lets a window lie wholly in the padding; `
        + "a pool's padding must be smaller than its kernel.";
    }
    const reach = dilation * (kernel - 1) + 1, whole = input + before + after;
    if (whole >= reach) return "";
    return `a kernel of ${reach}${dilation > 1 ? ` (kernel ${kernel}, dilation ${dilation})` : ""} does not fit into `
      + `${whole} pixels (input ${input}, padding ${before} + ${after}); it needs a kernel of at most ${whole} or `
      + `${reach - whole} more pixels of padding.`;
  };

  /** How many windows fit, and what was reckoned on the way. */
  const fit = ({ input, kernel, stride, before, after, dilation, rounding }) => {
    const reach = dilation * (kernel - 1) + 1, room = input + before + after - reach;
    const fitting = Math.floor(room / stride) + 1, partly = rounding === "ceil" && room % stride > 0;
    const kept = partly && fitting * stride < input + before;
    return { reach, room, outputs: kept ? fitting + 1 : fitting, dropped: partly && !kept };
  };

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

  // --- 2: networks ---------------------------------------------------------------------------------------------------

  const UNITS = ["first", "middle", "last"];

  class NetworkExplorer extends Widget {
    static title = "Network explorer";
    static data = ["networks"];
    static defaults = { network: "alexnet_2012", layer: "", compare: "", unit: "middle" }; // layer "": its first

    build({ networks, credit }) {
      this.networks = networks;
      this.credit = credit;
      const families = [...new Set(networks.map((network) => network.family))].map((family) => [family,
        networks.filter((network) => network.family === family).map((network) => [network.name, network.title])]);
      this.tower = h("div", { class: "ax-tower", role: "radiogroup", "aria-label": "Layers, from the input to the output" });
      this.detail = h("div", { class: "ax-detail" });
      this.total = h("p", { class: "ax-note" });
      this.difference = h("div", { class: "ax-difference" });
      this.body.append(
        h("div", { class: "ax-controls ax-wide" },
          this.choice("network", "network", families),
          this.choice("compare", "compare with", [["", "nothing"], ...families]),
          this.choice("unit", "show what is seen by", UNITS.map((unit) => [unit, `the ${unit} unit`]))),
        this.total, h("div", { class: "ax-explorer" }, this.tower, this.detail), this.says, this.difference);
      this.says.classList.add("ax-quiet"); // for those who listen: it repeats what is on view
    }

    /** Another network, and nothing said of a layer: the one of the same name, or else the first. */
    change(changed) {
      const next = this.find(changed.network);
      const kept = !next || "layer" in changed || this.layersOf(next).some((layer) => layer.name === this.state.layer);
      super.change(kept ? changed : { ...changed, layer: "" });
    }

    find(name) { return this.networks.find((network) => network.name === name); }

    layersOf(network) {
      return [{ name: "input", kind: "image", output: network.input, settings: {}, field: [1, 1], jump: [1, 1],
        start: [0, 0] }, ...network.layers];
    }

    render() {
      const { state } = this, network = this.find(state.network), other = this.find(state.compare);
      this.sync();
      if (!network || state.compare && !other) {
        this.body.classList.add("ax-missing");
        return this.say(unknown("network", network ? state.compare : state.network, this.networks), true);
      }
      const layers = this.layersOf(network);
      if (!UNITS.includes(state.unit)) {
        this.body.classList.add("ax-missing");
        return this.say(`the unit is '${state.unit}', but must be ${UNITS.join(", ")}.`, true);
      }
      state.layer ||= layers[1].name;
      const layer = layers.find((known) => known.name === state.layer);
      if (!layer) {
        this.body.classList.add("ax-missing");
        return this.say(`${network.name} has no layer '${state.layer}'; it has ${listed(layers.map((known) => known.name))}.`,
          true);
      }
      this.body.classList.remove("ax-missing");
      if (this.shown !== network || this.against !== other) this.raise(network, other, layers);
      for (const radio of this.tower.querySelectorAll("input")) radio.checked = radio.value === layer.name;
      this.describe(network, layer);
      this.total.replaceChildren(h("b", {}, network.title), ` (${network.source}): `, h("span", { "data-name": "total-parameters" },
        grouped(network.parameters)), " parameters, ", h("span", { "data-name": "total-macs" }, grouped(network.macs)),
      " MACs, ", h("span", { "data-name": "total-bytes" }, grouped(network.bytes)), ` bytes of weights. ${this.rounds(network)}`);
    }

    rounds({ rounding, pool_rounding: pools }) {
      const words = { floor: "down", ceil: "up" };
      return `Sizes are rounded ${words[rounding]}${pools === rounding ? "" : `, those of pools ${words[pools]}`}.`;
    }

    /** The tower: one radio button for each layer, whose picture is to scale within the network. */
    raise(network, other, layers) {
      [this.shown, this.against] = [network, other];
      const maps = layers.filter((layer) => layer.output.length === 3);
      const tallest = Math.max(...maps.map((layer) => layer.output[0]));
      const deepest = Math.max(...maps.filter((layer) => layer.output[0] > 1).map((layer) => layer.output[2]), 1);
      const longest = Math.max(...layers.filter((layer) => layer.output.length === 1).map((layer) => layer.output[0]), 1);
      const others = other && Object.fromEntries(this.layersOf(other).map((layer) => [layer.name, layer]));
      const status = (layer) => !other ? "" : !others[layer.name] ? "only here"
        : this.differing(layer, others[layer.name]).length ? "differs" : "";
      this.tower.replaceChildren(...layers.map((layer) => {
        const [side, , depth] = layer.output, flat = layer.output.length === 1;
        const slim = /activation|dropout|flatten/.test(layer.kind);
        const tall = flat ? 7 : Math.max(60 * side / tallest, 3);
        const wide = flat ? 8 + 44 * Math.sqrt(side / longest) : Math.max(40 * depth / deepest, 3);
        const back = flat ? 0 : tall * 0.25, height = slim ? 22 : Math.max(tall + back + 8, 28), mid = height / 2;
        const x = 33 - (wide + back) / 2, y = mid - (tall + back) / 2 + back;
        const css = `ax-box ax-${layer.kind.replace(/[ -].*$/, "")}`;
        const drawn = slim ? [svg("circle", { cx: 33, cy: mid, r: 3, class: "ax-dot" })] : [
          svg("rect", { x, y, width: wide, height: tall, class: css }),
          !flat && svg("path", { class: `${css} ax-top`, d: `M${x} ${y}l${back} ${-back}h${wide}l${-back} ${back}z` }),
          !flat && svg("path", { class: `${css} ax-side`, d: `M${x + wide} ${y}l${back} ${-back}v${tall}l${-back} ${back}z` }),
          layer.settings.groups && svg("path", { class: "ax-split", d: `M${x + wide / 2} ${y}v${tall}` })];
        return h("label", { class: slim ? "ax-layer ax-slim" : "ax-layer" },
          h("input", { type: "radio", name: `${this.id}-layer`, value: layer.name, onchange: () => this.change({ layer: layer.name }) }),
          svg("svg", { width: 60, height, viewBox: `3 0 60 ${height}`, "aria-hidden": "true" },
            svg("path", { class: "ax-wire", d: `M33 0V${height}` }), drawn),
          h("span", { class: "ax-name" }, layer.name, status(layer) && h("em", {}, ` ${status(layer)}`)),
          !slim && h("span", { class: "ax-size" }, size(layer.output)));
      }));
      this.difference.replaceChildren(...other ? this.table(network, other) : []);
    }

    describe(network, layer) {
      const share = (value, total) => `${(100 * value / total).toFixed(1)} %`;
      const fact = (name, words, value, note) => h("div", {}, h("dt", {}, words),
        h("dd", {}, h("span", { "data-name": name }, value), note && h("small", {}, ` ${note}`)));
      const facts = [fact("output", "output", size(layer.output))];
      if (layer.input) {
        facts.unshift(fact("input", "input", size(layer.input)));
        facts.push(
          fact("parameters", "parameters", grouped(layer.parameters), layer.parameters > 0
            && `${share(layer.parameters, network.parameters)}; ${grouped(layer.weights)} weights, ${grouped(layer.biases)} biases`),
          fact("macs", "MACs", grouped(layer.macs), layer.macs > 0 && share(layer.macs, network.macs)),
          fact("bytes", "memory of the output", `${grouped(layer.bytes)} bytes`));
        if (layer.fixed) facts.push(fact("fixed", "fixed values", grouped(layer.fixed)));
      }
      facts.push(fact("field", "receptive field", layer.field ? size(layer.field) : "the whole image",
        layer.field && `pixels; the next one is ${many(layer.jump[0], "pixel")} on`));
      this.detail.replaceChildren(
        h("p", { class: "ax-which" }, h("b", {}, layer.name), ` ${layer.kind}`),
        h("p", { class: "ax-settings" }, Object.entries(layer.settings).map(([key, value]) => `${key} ${value}`).join(", ") || "\u00a0"),
        this.view(network, layer), h("dl", { class: "ax-facts" }, facts));
      this.say(`${layer.name}: ${layer.kind}, output ${size(layer.output)}, ${grouped(layer.parameters ?? 0)} parameters, `
        + `${grouped(layer.macs ?? 0)} MACs, sees ${layer.field ? `${size(layer.field)} pixels` : "the whole image"}.`);
    }

    /** The photograph, and on it what the chosen unit of the layer sees, even where that is partly outside. */
    view(network, layer) {
      const [height, width] = network.input, { unit } = this.state;
      const place = (count) => ({ first: 0, middle: Math.floor(count / 2), last: count - 1 })[unit];
      const box = [0, 1].map((axis) => layer.field ? { size: layer.field[axis],
        at: layer.start[axis] + place(layer.output[axis]) * layer.jump[axis] } : { at: 0, size: network.input[axis] });
      const beyond = Math.max(...box.flatMap(({ at, size: long }, axis) => [-at, at + long - network.input[axis]]), 0);
      const margin = beyond + width * 0.02;
      const view = [-margin, -margin, width + 2 * margin, height + 2 * margin];
      const outer = `M${-margin} ${-margin}h${view[2]}v${view[3]}h${-view[2]}z`, [down, across] = box;
      const span = ({ at, size: long }) => `${signed(at)} to ${signed(at + long - 1)}`;
      const words = layer.field ? `what the ${unit} unit of ${layer.name} sees: rows ${span(down)}, columns ${span(across)}`
        : `each unit of ${layer.name} sees the whole image`;
      const photograph = network.picture.startsWith("photograph"), corners = [down.at, across.at, down.size, across.size];
      const hole = `M${across.at} ${down.at}v${down.size}h${across.size}v${-down.size}z`;
      const frame = { x: across.at, y: down.at, width: across.size, height: down.size };
      return h("figure", { class: "ax-field-of-view" },
        svg("svg", { viewBox: view.join(" "), role: "img", "aria-label": `${photograph ? "A photograph of a pagoda"
          : "A handwritten four"}, ${width} by ${height} pixels; outlined is ${words}.`, "data-field": corners.join(",") },
          svg("image", { href: new URL(network.picture, DATA), width, height, class: width < 100 ? "ax-pixelated" : "" }),
          svg("path", { class: "ax-shade", "fill-rule": "evenodd", d: outer + hole }),
          svg("rect", { ...frame, class: "ax-field-line" }), svg("rect", { ...frame, class: "ax-field-line ax-inner" })),
        h("figcaption", {}, upper(words), beyond ? "; part of that lies outside the image. " : ". ",
          photograph && h("a", { href: this.credit.link }, `${this.credit.text}.`)));
    }

    /** What differs between two layers of one name: [what, here, there]. */
    differing(here, there) {
      const words = ["output", "parameters", "macs", "field"], pairs = words.map((key) => [key, here[key], there[key]]);
      for (const key of new Set([...Object.keys(here.settings), ...Object.keys(there.settings)])) {
        pairs.push([key, here.settings[key], there.settings[key]]);
      }
      const shown = (value) => value == null ? "none" : Array.isArray(value) ? size(value)
        : typeof value === "number" ? grouped(value) : value;
      return pairs.map(([key, a, b]) => [{ macs: "MACs", field: "receptive field" }[key] ?? key, shown(a), shown(b)])
        .filter(([, a, b]) => a !== b);
    }

    table(network, other) {
      const here = this.layersOf(network), there = this.layersOf(other);
      const names = here.map((layer) => layer.name);
      for (const [place, layer] of there.entries()) { // those that only the other has, behind the one they follow there
        if (!names.includes(layer.name)) names.splice(names.indexOf(there[place - 1]?.name) + 1, 0, layer.name);
      }
      const same = [];
      const rows = names.flatMap((name) => {
        const a = here.find((layer) => layer.name === name), b = there.find((layer) => layer.name === name);
        const found = a && b ? this.differing(a, b) : [];
        const word = !b ? "only here" : !a ? "only there" : found.length ? "differs" : "same";
        if (word === "same") { same.push(name); return []; }
        const different = found.map(([key, left, right]) => h("li", {}, `${key}: `, h("b", {}, left), ` here, ${right} there`));
        return h("tr", { "data-layer": name, "data-status": word }, h("th", { scope: "row" }, name), h("td", {}, word),
          h("td", {}, different.length ? h("ul", {}, different) : size((a ?? b).output)));
      });
      const totals = (one) => `${grouped(one.parameters)} parameters, ${grouped(one.macs)} MACs`;
      return [
        h("table", {}, h("caption", {}, `Here: ${network.title}, ${totals(network)}. There: ${other.title}, ${totals(other)}.`),
          heading("layer", "is", "what differs"), h("tbody", {}, rows)),
        h("p", { class: "ax-note" }, "The same in both: ", h("span", { "data-name": "same" }, same.join(", ") || "none"), "."),
      ];
    }
  }

  // --- 3: convolution ------------------------------------------------------------------------------------------------

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
        const share = Math.abs(result) / most, [red, green, blue] = result < 0 ? [213, 94, 0] : [0, 114, 178];
        const mixed = [red, green, blue].map((part) => Math.round(255 + (part - 255) * share));
        return { css: "ax-cell", fill: `rgb(${mixed})`, ink: share > 0.62 && result > 0 ? "white" : "black", place,
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

  // --- 4: experiments ------------------------------------------------------------------------------------------------

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
      this.tabulate(rows, second);
      const ends = rows.map(({ one, test }) => `${one.label} ${test.mean} %`);
      this.say(`${upper(second)} at the end: ${ends.join("; ")}.`);
    }

    /** Mean, lowest and highest of the runs' last values, in words. */
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

    /** A curve's sign: its number in its color, and a piece of its line. */
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
      // Each curve's number at its end; numbers that would meet are moved apart, and stay inside.
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

    tabulate(rows, second) {
      const lengths = (one) => [...new Set(one.test.map((run) => run.length))].sort((a, b) => a - b);
      const uneven = rows.some(({ one }) => lengths(one).length > 1), several = rows.some(({ one }) => one.seeds.length > 1);
      const cell = (name, { mean, low, high }, one) => h("td", { "data-name": name }, h("b", {}, mean),
        one.seeds.length > 1 && h("small", {}, ` ${low}–${high}`));
      this.table.append(
        h("table", {}, h("caption", {},
          several ? "At the end of each run: mean and, small, lowest to highest over the seeds; a band shows the same range."
            : "At the end of each run, one seed each.",
          uneven && " Runs end at different epochs: mean and band go as far as all seeds do, then come single runs."),
        heading("condition", "seeds", "epochs", "training error, %", `${second}, %`),
        h("tbody", {}, rows.map(({ one, train, test }, place) => h("tr", { "data-condition": one.name },
          h("th", { scope: "row" }, this.key(place), h("span", {}, one.label)), h("td", {}, one.seeds.length),
          h("td", {}, lengths(one).filter((_, at, all) => at === 0 || at === all.length - 1).join("–")),
          cell("train", train, one), cell("test", test, one))))),
        h("details", {}, h("summary", {}, "The commands that made these runs"),
          h("pre", {}, rows.map(({ one }) => one.command).join("\n"))));
    }
  }

  // The tags' own text has to be there before a widget takes its place.
  const define = () => {
    customElements.define("ax-output-size", OutputSize);
    customElements.define("ax-network-explorer", NetworkExplorer);
    customElements.define("ax-convolution", Convolution);
    customElements.define("ax-experiments", Experiments);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", define);
  else define();
})();
