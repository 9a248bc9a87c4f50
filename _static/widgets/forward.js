/* A trained network's forward pass: float32 arrays, channel by channel, row by row. _ext/alexbook_site/live.py says what
 * the layers' fields are. Sums are doubles, so results differ from a framework's only in the last digits of a float. */
"use strict";

(() => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const floats = (text) => new Float32Array(bytes(text));

  /** Half precision: a sign, five bits of exponent, ten of fraction. */
  const half = (text) => Float32Array.from(new Uint16Array(bytes(text)), (bits) => {
    const sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
    return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
  });

  /** A layer's weights as numbers, decoded the first time; `factor` is left to the sums' end. */
  const weighted = (layer) => layer.ready ??= {
    weight: layer.bits === 8 ? new Int8Array(bytes(layer.weight)) : half(layer.weight),
    factor: floats(layer.factor), bias: floats(layer.bias) };

  const FUNCTIONS = { relu: (x) => Math.max(0, x), tanh: Math.tanh, sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    scaled_tanh: (x) => 1.7159 * Math.tanh(x * 2 / 3) };

  const convolve = (layer, [height, width, channels], input) => {
    const { weight, factor, bias } = weighted(layer), [rows, columns, filters] = layer.output;
    const [high, wide] = layer.kernel, [down, across] = layer.stride, [top, left] = layer.before;
    const output = new Float32Array(rows * columns * filters), area = high * wide;
    const inGroup = channels / layer.groups, outGroup = filters / layer.groups;
    let first = 0, place = 0; // of the filter's weights, and of the output
    for (let filter = 0; filter < filters; filter++) {
      const group = Math.floor(filter / outGroup) * inGroup;
      const seen = Int32Array.from(layer.table?.[filter] ?? { length: inGroup }, (known, index) => known ?? group + index);
      for (let row = 0; row < rows; row++) {
        const y = row * down - top, firstRow = Math.max(0, -y), endRow = Math.min(high, height - y);
        for (let column = 0; column < columns; column++) {
          const x = column * across - left, firstColumn = Math.max(0, -x), endColumn = Math.min(wide, width - x);
          let sum = 0;
          for (let number = 0; number < seen.length; number++) {
            for (let i = firstRow; i < endRow; i++) {
              let tap = first + number * area + i * wide + firstColumn, at = (seen[number] * height + y + i) * width + x + firstColumn;
              for (let j = firstColumn; j < endColumn; j++) sum += weight[tap++] * input[at++];
            }
          }
          output[place++] = sum * factor[filter] + bias[filter];
        }
      }
      first += seen.length * area;
    }
    return output;
  };

  const dense = (layer, _, input) => {
    const { weight, factor, bias } = weighted(layer);
    return Float32Array.from(bias, (shift, unit) => {
      let sum = 0;
      for (let place = 0, at = unit * input.length; place < input.length; place++, at++) sum += weight[at] * input[place];
      return sum * factor[unit] + shift;
    });
  };

  /** The largest, the mean or the sum of each window, of what lies inside of the input. */
  const pool = (layer, [height, width], input) => {
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

  const OPERATIONS = { conv: convolve, dense, max: pool, mean: pool, sum: pool,
    activation: (layer, _, input) => input.map(FUNCTIONS[layer.function]),
    flatten: (layer, _, input) => input,
    distance: (layer, _, input) => Float32Array.from(layer.centers, (center) =>
      center.reduce((sum, value, place) => sum + (input[place] - value) ** 2, 0)) };

  /** Layer by layer: yields each layer with its output and that output's shape. An activation goes with what it follows. */
  const forward = function* (network, input) {
    let shape = network.input, values = input, named = null;
    for (const layer of network.layers) {
      values = OPERATIONS[layer.op](layer, shape, values);
      shape = layer.output ?? (layer.op === "flatten" ? [values.length] : layer.op === "distance" ? [layer.centers.length] : shape);
      named = layer.name ?? named;
      yield { layer, name: named, shape, values };
    }
  };

  /** The last layer's outputs. */
  const outputs = (network, input) => {
    let last;
    for (last of forward(network, input));
    return last.values;
  };

  Object.assign(alexbook, { bytes, forward, outputs });
})();
