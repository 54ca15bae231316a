// Colours at equal distances, from 0 (far) to 1 (near): turbo (Mikhailov 2019), viridis and magma (van der Walt and
// Smith 2015).
const MAPS = {
  grey: "000000 ffffff",
  turbo: "30123b 4145ab 4675ed 39a2fc 1bcfd4 24eca6 61fc6c a4fc3b d1e834 f3c63a fe9b2d f36315 d93806 b11901 7a0402",
  viridis: "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725",
  magma: "000004 1c1044 4f127b 812581 b5367a e55964 fb8761 fec287 fcfdbf",
};

/** 256 colours as RGBA words, between the colours of a map. */
const makeTable = (map) => {
  const stops = MAPS[map].split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const table = new Uint8ClampedArray(256 * 4);
  for (let index = 0; index < 256; index++) {
    const place = (index / 255) * (stops.length - 1);
    const from = Math.min(Math.floor(place), stops.length - 2);
    const colour = stops[from].map((low, channel) => low + (stops[from + 1][channel] - low) * (place - from));
    table.set([...colour, 255], index * 4);
  }
  return new Uint32Array(table.buffer);
};

/** From depth to 0 (far) .. 1 (near) and back, along 1/depth or along depth. */
const scaleBetween = (near, far, inverse) => {
  const along = (depth) => (inverse ? 1 / depth : -depth);
  const [low, high] = [along(far), along(near)];
  const span = high - low || 1;
  return {
    unit: (depth) => clamp((along(depth) - low) / span, 0, 1),
    depth: (unit) => (inverse ? 1 / (low + unit * span) : -(low + unit * span)),
  };
};

/** The least and the greatest depth in front of the camera, short of the background. */
const finiteRange = (values) => {
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of values) {
    if (!(value > 0 && value < Infinity)) continue;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return least <= greatest ? [least, greatest] : [1, 1];
};

const figure = (value) => Number(value.toPrecision(4)).toString();

export default widget("depth_view", (tools) => {
  const { model, root, listen, keys, watch, set } = tools;
  const canvas = make("canvas", { role: "application", tabindex: "0", "aria-label": "Depth; arrow keys move the probe" });
  const probe = make("div", { class: "sd-probe", hidden: true });
  const readout = make("div", { class: "sd-note sd-figures", role: "status" });
  const legend = make("canvas", { class: "sd-legend", width: 256, height: 1, "aria-hidden": "true" });
  const maps = make("select", { "aria-label": "Colour map" }, ...Object.keys(MAPS).map((map) => make("option", { value: map }, map)));
  const [ends, inputs] = [{}, {}];
  for (const trait of ["near", "far"]) {
    inputs[trait] = make("input", { type: "range", min: 0, max: 1, step: "any", "aria-label": trait });
    ends[trait] = make("output", { class: "sd-figures" });
    // Sliders run along the scale of the colours: to the right is nearer.
    listen(inputs[trait], "input", () => limit(trait, Number(inputs[trait].value)));
  }
  const automatic = make("button", { type: "button", title: "From the smallest to the largest depth" }, "Full range");
  listen(automatic, "click", () => set({ near: null, far: null }));
  listen(maps, "change", () => set({ colour_map: maps.value }));
  const whole = make("div", { class: "sd-stage" }, canvas, probe);
  root.append(
    whole,
    make("div", { class: "sd-bar sd-ends" }, ends.far, legend, ends.near),
    make("div", { class: "sd-bar" }, make("label", {}, "Far", inputs.far), make("label", {}, "Near", inputs.near), automatic),
    make("div", { class: "sd-bar" }, maps, toggle(tools, "inverse", "1/depth", "Colours along 1/depth, as a model sees it")),
    readout,
  );
  let [values, range, at] = [new Float32Array(0), [1, 1], null];

  const limits = () => [model.get("near") ?? range[0], model.get("far") ?? range[1]];
  const fullScale = () => scaleBetween(...range, model.get("inverse"));
  const limit = (trait, unit) => {
    const [near, far] = limits();
    const depth = fullScale().depth(unit);
    set({ [trait]: trait === "near" ? Math.min(depth, far) : Math.max(depth, near) });
  };
  const takeDepth = () => {
    const [bytes, width, height] = [model.get("depth"), model.get("width"), model.get("height")];
    const fits = !isEmpty(bytes) && bytes.byteLength === width * height * 4;
    root.classList.toggle("sd-none", !fits);
    values = fits ? new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)) : new Float32Array(0);
    range = finiteRange(values);
    at = null;
    probe.hidden = true;
    readout.textContent = fits ? "Point at the picture to read its depth." : "No depth map";
    if (!fits) return;
    Object.assign(canvas, { width, height });
    whole.style.width = `${Math.min(640, Math.max(320, width), (560 * width) / height)}px`;
    draw();
  };
  const draw = () => {
    if (!values.length) return;
    const [near, far] = limits();
    const [scale, table] = [scaleBetween(near, far, model.get("inverse")), makeTable(model.get("colour_map"))];
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    const words = new Uint32Array(image.data.buffer);
    // What is infinitely far stays transparent. A plain loop, because it runs at every move of a slider.
    for (let index = 0; index < values.length; index++) {
      const depth = values[index];
      if (depth - depth === 0) words[index] = table[Math.round(scale.unit(depth) * 255)]; // finite
    }
    context.putImageData(image, 0, 0);
    legend.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(table.buffer), 256, 1), 0, 0);
    maps.value = model.get("colour_map");
    for (const [trait, depth] of [["near", near], ["far", far]]) {
      ends[trait].textContent = `${trait} ${figure(depth)}`;
      inputs[trait].value = fullScale().unit(depth);
      inputs[trait].setAttribute("aria-valuetext", figure(depth));
    }
  };

  const read = (x, y) => {
    at = { x: clamp(Math.floor(x), 0, canvas.width - 1), y: clamp(Math.floor(y), 0, canvas.height - 1) };
    const depth = values[at.y * canvas.width + at.x];
    readout.textContent = `x ${at.x}, y ${at.y}: ${Number.isFinite(depth) ? figure(depth) : "background"}`;
    probe.hidden = false;
    probe.style.left = `${((at.x + 0.5) / canvas.width) * 100}%`;
    probe.style.top = `${((at.y + 0.5) / canvas.height) * 100}%`;
  };
  listen(canvas, "pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    read(((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height);
  });
  const step = (x, y) => (event) => {
    const from = at ?? { x: canvas.width / 2, y: canvas.height / 2 };
    const far = event.shiftKey ? 10 : 1;
    read(from.x + x * far, from.y + y * far);
  };
  keys(canvas, { ArrowLeft: step(-1, 0), ArrowRight: step(1, 0), ArrowUp: step(0, -1), ArrowDown: step(0, 1) });
  watch(["depth", "width", "height"], takeDepth);
  watch(["near", "far", "colour_map", "inverse"], draw);
});
