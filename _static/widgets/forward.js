/* A trained network's forward pass, and how its maps are painted. Values are float32 arrays, channel by channel, row by
 * row; _ext/alexbook_site/live.py says what the layers' fields are. Sums are doubles, so results differ from a
 * framework's only in the last digits of a float. */
"use strict";

(() => {
  /** Base64 as bytes; bytes stay what they are. */
  const bytes = (text) => typeof text === "string" ? Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer : text;
  const floats = (text) => new Float32Array(bytes(text));

  /** Half precision: a sign, five bits of exponent, ten of fraction. */
  const half = (text) => Float32Array.from(new Uint16Array(bytes(text)), (bits) => {
    const sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
    return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
  });

  /** A layer's weights as numbers, decoded the first time, a row for each output; `factor` is left to the sums' end.
   *  Where a table says which channels a filter sees, the others get zeros. */
  const weighted = (layer, channels) => {
    if (layer.ready) return layer.ready;
    let weight = layer.bits === 8 ? Float32Array.from(new Int8Array(bytes(layer.weight))) : half(layer.weight);
    if (layer.table) {
      const area = layer.kernel[0] * layer.kernel[1], all = new Float32Array(layer.table.length * channels * area);
      layer.table.flatMap((seen, filter) => seen.map((channel) => (filter * channels + channel) * area))
        .forEach((at, pair) => all.set(weight.subarray(pair * area, (pair + 1) * area), at));
      weight = all;
    }
    return layer.ready = { weight, factor: floats(layer.factor), bias: floats(layer.bias) };
  };

  /** The sum of products of `length` weights from `from` on with as many values. */
  const dot = (weight, from, values, length) => {
    let even = 0, odd = 0, at = 0;
    for (; at + 1 < length; at += 2) {
      even += weight[from + at] * values[at];
      odd += weight[from + at + 1] * values[at + 1];
    }
    return even + odd + (at < length ? weight[from + at] * values[at] : 0);
  };

  const FUNCTIONS = { relu: (x) => Math.max(0, x), tanh: Math.tanh, sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    scaled_tanh: (x) => 1.7159 * Math.tanh(x * 2 / 3) };

  /** Each window is copied into one row of values (im2col), which all filters of its group use. Yields after each row. */
  const convolve = function* (layer, [height, width, channels], input) {
    const { weight, factor, bias } = weighted(layer, channels), [rows, columns, filters] = layer.output;
    const [high, wide] = layer.kernel, [down, across] = layer.stride, [top, left] = layer.before;
    const inGroup = channels / layer.groups, outGroup = filters / layer.groups, length = inGroup * high * wide;
    const output = new Float32Array(rows * columns * filters), values = new Float32Array(length);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let group = 0; group < layer.groups; group++) {
          let at = 0;
          for (let channel = group * inGroup; channel < (group + 1) * inGroup; channel++) {
            for (let y = row * down - top; y < row * down - top + high; y++) {
              const start = (channel * height + y) * width, within = y >= 0 && y < height;
              for (let x = column * across - left; x < column * across - left + wide; x++) {
                values[at++] = within && x >= 0 && x < width ? input[start + x] : 0;
              }
            }
          }
          for (let filter = group * outGroup; filter < (group + 1) * outGroup; filter++) {
            output[(filter * rows + row) * columns + column] = dot(weight, filter * length, values, length) * factor[filter] + bias[filter];
          }
        }
      }
      yield columns * filters * length;
    }
    return output;
  };

  const dense = function* (layer, _, input) {
    const { weight, factor, bias } = weighted(layer), { length } = input;
    yield weight.length;
    return Float32Array.from(bias, (shift, unit) => dot(weight, unit * length, input, length) * factor[unit] + shift);
  };

  /** The largest, the mean or the sum of each window, of what lies inside of the input. */
  const pool = function* (layer, [height, width], input) {
    const [rows, columns, channels] = layer.output, [down, across] = layer.stride, [top, left] = layer.before;
    const output = new Float32Array(rows * columns * channels);
    let place = 0;
    for (let channel = 0; channel < channels; channel++) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          let most = -Infinity, sum = 0, count = 0;
          for (let y = Math.max(0, row * down - top); y < Math.min(height, row * down - top + layer.kernel[0]); y++) {
            for (let x = Math.max(0, column * across - left); x < Math.min(width, column * across - left + layer.kernel[1]); x++) {
              const value = input[(channel * height + y) * width + x];
              most = Math.max(most, value);
              sum += value;
              count++;
            }
          }
          output[place++] = layer.op === "max" ? most : layer.op === "mean" ? sum / count
            : sum * layer.weight[channel] + layer.bias[channel];
        }
      }
    }
    return output;
  };

  const plain = (compute) => function* (layer, _, input) { return compute(layer, input); };
  const OPERATIONS = { conv: convolve, dense, max: pool, mean: pool, sum: pool,
    activation: plain((layer, input) => input.map(FUNCTIONS[layer.function])),
    flatten: plain((layer, input) => input),
    distance: plain((layer, input) => Float32Array.from(layer.centers, (center) =>
      center.reduce((sum, value, place) => sum + (input[place] - value) ** 2, 0))) };

  /** Yields how many multiplications have been done since it last did, as a number, and after each layer the layer with
   *  its output and that output's shape, as an object. An activation has the name of what it follows. */
  const steps = function* (network, input) {
    let shape = network.input, values = input, named = null;
    for (const layer of network.layers) {
      values = yield* OPERATIONS[layer.op](layer, shape, values);
      shape = layer.output ?? (layer.op === "flatten" ? [values.length] : layer.op === "distance" ? [layer.centers.length] : shape);
      named = layer.name ?? named;
      yield { layer, name: named, shape, values };
    }
  };

  /** What each layer gives, in order. */
  const forward = (network, input) => [...steps(network, input)].filter((found) => typeof found !== "number");

  /** The last layer's outputs. */
  const outputs = (network, input) => forward(network, input).at(-1).values;

  /** The largest absolute value, and never 0. */
  const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);

  /** Paints a canvas pixel by pixel with what `color(x, y, place)` says: [red, green, blue], or nothing. */
  const paint = (canvas, width, height, color) => {
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let place = 0; place < width * height; place++) {
      const found = color(place % width, Math.floor(place / width), place);
      if (found) image.data.set([...found, 255], 4 * place);
    }
    context.putImageData(image, 0, 0);
  };

  /** The palette's colors for values above and below 0, as [red, green, blue]. */
  const signs = (element) => {
    const style = getComputedStyle(element);
    const [above, below] = ["blue", "vermilion"].map((name) =>
      style.getPropertyValue(`--ax-${name}`).match(/\w\w/g).map((pair) => parseInt(pair, 16)));
    return { above, below };
  };

  /** Feature maps side by side on one canvas, `across` in a row: white is 0, blue above, orange below. */
  const paintMaps = (canvas, element, [rows, columns, maps], values, across) => {
    const gap = rows * columns > 1 ? 1 : 0, high = rows + gap, wide = columns + gap;
    const most = largest(values), { above, below } = signs(element);
    paint(canvas, across * wide - gap, Math.ceil(maps / across) * high - gap, (x, y) => {
      const map = Math.floor(y / high) * across + Math.floor(x / wide), row = y % high, column = x % wide;
      if (row === rows || column === columns || map >= maps) return null;
      const value = values[(map * rows + row) * columns + column], share = Math.abs(value) / most;
      return (value < 0 ? below : above).map((part) => 255 - share * (255 - part));
    });
  };

  /** How much each place matters, over a picture: orange where covering it lowers the score, blue where it raises it. */
  const paintHeat = (canvas, element, side, picture, heat) => {
    const most = heat ? largest(heat) : 1, { above, below } = signs(element);
    paint(canvas, side, side, (x, y, place) => {
      const share = heat ? 0.85 * Math.abs(heat[place]) / most : 0;
      return picture(place).map((own, channel) => (1 - share) * own + share * (heat?.[place] > 0 ? below : above)[channel]);
    });
  };

  Object.assign(alexbook, { bytes, forward, largest, outputs, paint, paintHeat, paintMaps, signs, steps, weighted });
})();
