// A decoder that runs in the page: reads the file that shared/decoders.py wrote, and turns latents into images.

const TYPES = { F32: Float32Array, U8: Uint8Array };

/** Half-precision numbers (bytes) as a Float32Array. */
function halves(buffer, start, end) {
    const bits = new Uint16Array(buffer.slice(start, end));
    return Float32Array.from(bits, half => {
        const sign = half & 0x8000 ? -1 : 1, exponent = (half >> 10) & 31, fraction = half & 1023;
        return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
    });
}

/** The tensors and the metadata of a safetensors file (github.com/huggingface/safetensors). */
export function parse(buffer) {
    const length = Number(new DataView(buffer).getBigUint64(0, true));
    const { __metadata__: metadata, ...entries } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    const tensors = {};
    for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(entries)) {
        const start = 8 + length + from, end = 8 + length + to;
        const data = dtype === "F16" ? halves(buffer, start, end) : new TYPES[dtype](buffer.slice(start, end));
        tensors[name] = { data, shape };
    }
    return { metadata, tensors };
}

function dense({ data, shape: [outputs, inputs] }, bias) {
    const out = new Float32Array(outputs);
    return x => {
        for (let row = 0, k = 0; row < outputs; row++) {
            let sum = bias.data[row];
            for (let i = 0; i < inputs; i++, k++) sum += data[k] * x[i];
            out[row] = sum;
        }
        return out;
    };
}

/** A transposed convolution over images with the channels innermost, (height, width, channels), as are its outputs. */
function transposed({ data, shape: [inputs, outputs, kernel] }, bias, { stride, padding, extra }, [, height, width]) {
    const taps = kernel * kernel, weight = new Float32Array(data.length); // (input, tap, output)
    for (let i = 0; i < inputs; i++)
        for (let o = 0; o < outputs; o++)
            for (let t = 0; t < taps; t++) weight[(i * taps + t) * outputs + o] = data[(i * outputs + o) * taps + t];
    const high = (height - 1) * stride - 2 * padding + kernel + extra;
    const wide = (width - 1) * stride - 2 * padding + kernel + extra;
    const out = new Float32Array(high * wide * outputs);
    const run = x => {
        for (let k = 0; k < out.length; k++) out[k] = bias.data[k % outputs];
        for (let y = 0, from = 0; y < height; y++)
            for (let column = 0; column < width; column++)
                for (let i = 0; i < inputs; i++, from++) {
                    const value = x[from];
                    if (value === 0) continue; // about half of them, after a ReLU
                    for (let ky = 0; ky < kernel; ky++) {
                        const row = y * stride - padding + ky;
                        if (row < 0 || row >= high) continue;
                        for (let kx = 0; kx < kernel; kx++) {
                            const place = column * stride - padding + kx;
                            if (place < 0 || place >= wide) continue;
                            const to = (row * wide + place) * outputs, w = (i * taps + ky * kernel + kx) * outputs;
                            for (let o = 0; o < outputs; o++) out[to + o] += value * weight[w + o];
                        }
                    }
                }
        return out;
    };
    return [run, [outputs, high, wide]];
}

function inPlace(change) {
    return x => {
        for (let k = 0; k < x.length; k++) x[k] = change(x[k]);
        return x;
    };
}

/** From channels outermost, as the file has them, to innermost. */
function innermost([channels, height, width]) {
    const out = new Float32Array(channels * height * width), plane = height * width;
    return x => {
        for (let c = 0; c < channels; c++) for (let p = 0; p < plane; p++) out[p * channels + c] = x[c * plane + p];
        return out;
    };
}

/** The decoder of a file's buffer: {latent, image, tensors, decode}. `image` has channels, height and width; decode takes a
 * latent and gives its levels in [0, 1], pixel by pixel, the channels innermost. */
export function compile(buffer) {
    const { metadata, tensors } = parse(buffer), image = JSON.parse(metadata.image);
    const steps = [];
    let shape = null; // of the images that go from layer to layer; null while they are a row of numbers
    for (const layer of JSON.parse(metadata.layers)) {
        const weight = tensors[layer.weight], bias = tensors[layer.bias];
        if (layer.kind === "dense") {
            steps.push(dense(weight, bias));
            shape = null;
        } else if (layer.kind === "transposed") {
            const [run, next] = transposed(weight, bias, layer, shape);
            steps.push(run);
            shape = next;
        } else if (layer.kind === "shape") {
            shape = layer.shape;
            if (shape[0] > 1) steps.push(innermost(shape));
        } else if (layer.kind === "relu") steps.push(inPlace(x => Math.max(0, x)));
        else if (layer.kind === "leaky") steps.push(inPlace(x => (x > 0 ? x : layer.slope * x)));
        else if (layer.kind === "sigmoid") steps.push(inPlace(x => 1 / (1 + Math.exp(-x))));
        else throw new Error(`no such layer: ${layer.kind}`);
    }
    if (!shape && image.channels > 1) steps.push(innermost([image.channels, image.height, image.width]));
    const decode = z => steps.reduce((x, step) => step(x), Float32Array.from(z));
    return { latent: Number(metadata.latent), image, tensors, decode };
}

/** The decoder at an address. Throws if there is none, or the browser can't run it. */
export async function fetchDecoder(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    return compile(await answer.arrayBuffer());
}

/** Put an image of so many `channels`, `height` and `width` into a canvas: levels of grey, or of red, green and blue, in
 * [0, 1] or as bytes, pixel by pixel. */
export function paint(canvas, levels, { channels, height, width }, scale = 255) {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
        for (let c = 0; c < 3; c++) image.data[4 * pixel + c] = Math.round(scale * levels[pixel * channels + (channels > 1 ? c : 0)]);
        image.data[4 * pixel + 3] = 255;
    }
    context.putImageData(image, 0, 0);
}
