/* A network's layers. */
"use strict";

(() => {
  const { address, grouped, h, heading, listed, many, signed, size, svg, unknown, upper, Widget } = alexbook;

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
          svg("image", { href: address(network.picture), width, height, class: width < 100 ? "ax-pixelated" : "" }),
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

  alexbook.define(NetworkExplorer);
})();
