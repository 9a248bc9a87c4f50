/* What the book's widgets share; _ext/alexbook_site/widgets.py says how they work. */
"use strict";

(() => {
  const { src } = document.currentScript;  // none where the script is within the page, as in a deck of slides
  const DATA = src && new URL("../../widgets-data/", src);
  const LONGEST = 2000; // characters of a setting; a page makes a few hundred
  const NAMESPACES = { svg: "http://www.w3.org/2000/svg", math: "http://www.w3.org/1998/Math/MathML" };
  const still = matchMedia("(prefers-reduced-motion: reduce)");

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

  /** Where a picture is: in the page, where `files` has it, or beside the data. */
  const files = {};
  const address = (name) => files[name] ?? new URL(name, DATA);

  /** `alexbook.data[name]`, once the script that sets it has run. */
  const data = {}, loading = {};
  const load = (name) => loading[name] ??= name in data ? Promise.resolve(data[name]) : new Promise((resolve, reject) => {
    document.head.append(h("script", { src: new URL(`${name}.js`, DATA),
      onload: () => resolve(data[name]), onerror: () => reject(new Error(name)) }));
  });

  /** A hatching that a shape can be filled with: fill="url(#id)". */
  const hatch = (id, name, turned) => svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse",
    patternTransform: `rotate(${turned})` }, svg("path", { class: name, d: "M0 3h6" }));

  /** A widget's class says its `title`, its settings (`defaults`) and the `data` that it needs by name; it makes its
   *  parts in `build(...data)`, once, and shows the settings, `this.state`, in `render()`, whenever one has changed. */
  class Widget extends HTMLElement {
    static data = [];
    static get observedAttributes() { return Object.keys(this.defaults); }

    connectedCallback() {
      if (this.body) return;
      this.dataset.axWidget = "";
      const { defaults, title } = this.constructor;
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
      this.body = h("div", { class: "ax-body", role: "group", "aria-label": title });
      this.near = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) this.make(); },
        { rootMargin: "50% 0px" });
      this.near.observe(this);
      window.addEventListener("hashchange", () => this.follow());
      if (!DATA) this.make(); // its data are in the page
      this.follow();
    }

    /** Loads and builds the widget: when a reader comes near, or a link leads to it. */
    make() {
      if (this.made) return;
      this.made = true;
      this.near.disconnect();
      Promise.all(this.constructor.data.map(load)).then((loaded) => this.start(loaded), () => {
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
      if (this.constructor.fluid) new ResizeObserver(() => this.resized()).observe(this.body);
      this.classList.add("ax-ready");
      this.drawn = Math.round(this.body.clientWidth);
      this.change({});
    }

    attributeChangedCallback(name, before, value) {
      if (this.classList.contains("ax-ready") && value !== null) this.change({ [name]: this.read(name, value) });
    }

    /** Text as a setting of its default's kind; of a text without end, the start. */
    read(key, text) {
      text = text.slice(0, LONGEST);
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

    follow() {
      if (!location.hash.startsWith(`#${this.id}?`)) return;
      if (this.classList.contains("ax-ready")) this.restore();
      else this.make();
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

    /** Say a sentence, aloud too; an error has a word of its own, not only a color. */
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

  const LEAST = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, input: 1 };

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

  /** The running script's name (`data-name` where it has no file) is the tag's; the tag's own text has to be there first. */
  const define = (widget) => {
    const { src, dataset } = document.currentScript;
    const name = dataset.name ?? src.match(/([^/]+)\.js(?:\?|$)/)[1];
    const now = () => customElements.define(`ax-${name}`, widget);
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", now);
    else now();
  };

  window.alexbook = {
    Widget, address, data, define, files, fit, formula, fraction, grouped, h, hatch, heading, listed, load, many, refusal, rounded, row,
    signed, size, still, svg, unknown, upper,
  };
})();
