const AHEAD = 12; // pictures that are fetched before they are needed
const READY = 3; // of which are decoded before they are needed
const DECODED = 48; // pictures that are kept ready to draw
const TELL = 250; // ms between two words to Python while it plays
const SVG = "http://www.w3.org/2000/svg";

const shape = (name, attributes) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

// Drawn, because not every font has these signs.
const ICONS = { play: "M4 2v12l10-6z", pause: "M3 2h4v12h-4zM9 2h4v12h-4z", previous: "M3 2h2v12h-2zM14 2v12l-8-6z", next: "M11 2h2v12h-2zM2 2v12l8-6z" };
const icon = (name) => {
  const svg = shape("svg", { viewBox: "0 0 16 16", class: "sd-icon", "aria-hidden": "true" });
  svg.append(shape("path", { d: ICONS[name] }));
  return svg;
};

/** Pictures by list and index: fetched from Python once, decoded while they are in use. */
const makeStore = (model, arrived) => {
  let [encoded, decoded] = [new Map(), new Map()];
  const decode = async (key) => {
    decoded.set(key, null);
    const blob = encoded.get(key);
    const bitmap = await createImageBitmap(blob);
    if (encoded.get(key) !== blob) return bitmap.close();
    decoded.set(key, bitmap);
    arrived();
  };
  const trim = () => {
    for (const [key, bitmap] of decoded) {
      if (decoded.size <= DECODED) return;
      bitmap?.close();
      decoded.delete(key);
    }
  };
  const ask = (of, index) => {
    const key = `${of} ${index}`;
    if (encoded.has(key)) return true;
    encoded.set(key, null);
    model.send({ type: "fetch", of, index });
    return false;
  };
  return {
    ask,
    /** The picture, or nothing as long as it is on its way; `arrived` is called when it can be drawn. */
    get(of, index) {
      const key = `${of} ${index}`;
      if (!ask(of, index) || !encoded.get(key)) return null;
      const bitmap = decoded.get(key);
      if (bitmap === undefined) decode(key);
      if (!bitmap) return null;
      decoded.delete(key); // the ones used last are the last to go
      decoded.set(key, bitmap);
      trim();
      return bitmap;
    },
    put(of, index, bytes) {
      encoded.set(`${of} ${index}`, new Blob([bytes]));
      arrived();
    },
    clear() {
      for (const bitmap of decoded.values()) bitmap?.close();
      [encoded, decoded] = [new Map(), new Map()];
    },
  };
};

/** What each view paints; says whether everything it needs was there. */
const VIEWS = {
  play: (context, picture, index) => paint(context, [picture("frames", index)]),
  onion(context, picture, index) {
    return paint(context, [picture("frames", Math.max(0, index - 1)), picture("frames", index)], "source-over", 0.5);
  },
  difference(context, picture, index) {
    const done = paint(context, [picture("frames", Math.max(0, index - 1)), picture("frames", index)], "difference");
    context.globalCompositeOperation = "lighter"; // twice itself, twice: four times as bright
    if (done) for (let twice = 0; twice < 2; twice++) context.drawImage(context.canvas, 0, 0);
    return done;
  },
  motion: (context, picture, index) => paint(context, [picture("motion", index)]),
};
const paint = (context, bitmaps, operation = "source-over", alpha = 1) => {
  if (!bitmaps.every(Boolean)) return false;
  const { width, height } = bitmaps[0];
  Object.assign(context.canvas, { width, height }); // clears it, and its state
  context.drawImage(bitmaps[0], 0, 0);
  Object.assign(context, { globalCompositeOperation: operation, globalAlpha: alpha });
  for (const bitmap of bitmaps.slice(1)) context.drawImage(bitmap, 0, 0, width, height);
  context.globalAlpha = 1;
  return true;
};

/** A line through the numbers of a list, with gaps where there are none, in a box of 1000 by 100. */
const makePlot = () => {
  const line = shape("path", { class: "sd-curve", "vector-effect": "non-scaling-stroke" });
  const cursor = shape("line", { class: "sd-cursor", y1: 0, y2: 100, "vector-effect": "non-scaling-stroke" });
  const svg = shape("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img" });
  svg.append(cursor, line);
  const across = (index, count) => (count > 1 ? (index / (count - 1)) * 1000 : 0);
  return {
    svg,
    draw(values, count) {
      const most = Math.max(1e-9, ...values.filter((value) => value != null));
      let [path, pen] = ["", "M"];
      values.forEach((value, index) => {
        if (value == null) return void (pen = "M");
        path += `${pen}${across(index, count).toFixed(1)} ${(98 - (value / most) * 94).toFixed(1)}`;
        // A number between two gaps is a dot.
        if (pen === "M" && values[index + 1] == null) path += "h0.1";
        pen = "L";
      });
      line.setAttribute("d", path);
      const worst = values.indexOf(most);
      svg.setAttribute("aria-label", `Warp error of each frame; the largest is ${most.toPrecision(3)}, at frame ${worst + 1}`);
      return most;
    },
    point(index, count) {
      for (const end of ["x1", "x2"]) cursor.setAttribute(end, across(index, count));
    },
  };
};

export default widget("player", (tools) => {
  const { model, root, signal, listen, keys, watch, set } = tools;
  const button = (name, label, action) => {
    const element = make("button", { type: "button", "aria-label": label, title: label }, icon(name));
    listen(element, "click", action);
    return element;
  };
  const canvas = make("canvas", { role: "img", tabindex: "0", "aria-keyshortcuts": "Space ArrowLeft ArrowRight Home End 1 2 3 4" });
  const note = make("div", { class: "sd-note sd-figures" });
  const scrubber = make("input", { type: "range", min: 0, step: 1, "aria-label": "Frame" });
  const plot = makePlot();
  const most = make("span", { class: "sd-figures" });
  const chart = make("div", { class: "sd-chart" }, make("div", { class: "sd-bar", title: "Difference to the reprojected previous frame; 0: steady" }, "Warp error", most), plot.svg);
  const play = button("play", "Play", () => start(!model.get("playing")));
  const names = [["play", "Frames"], ["onion", "Onion skin"], ["difference", "Difference"], ["motion", "Motion"]];
  const bar = make(
    "div",
    { class: "sd-bar" },
    button("previous", "Previous frame", () => goTo(index - 1)),
    play,
    button("next", "Next frame", () => goTo(index + 1)),
    choice(tools, "view", "View", names),
    slider(tools, "fps", "Speed", { min: 1, max: 60, step: 1 }, "fps"),
  );
  root.append(make("div", { class: "sd-stage" }, canvas), scrubber, chart, bar, note);

  let [index, due, lastSent, frame] = [model.get("index"), 0, 0, 0];
  const count = () => model.get("_frame_count");
  const context = canvas.getContext("2d");
  const draw = () => {
    if (signal.aborted || !count()) return false;
    const view = model.get("view");
    const missing = view === "motion" && index >= model.get("_motion_count");
    const done = !missing && VIEWS[view](context, store.get, index);
    const error = model.get("errors")[index];
    const figures = [`Frame ${index + 1} of ${count()}`];
    if (error != null) figures.push(`warp error ${error.toPrecision(3)}`);
    if (missing) figures.push("no motion for this frame");
    else if (!done) figures.push("loading \u2026");
    note.textContent = figures.join(" \u00b7 ");
    canvas.setAttribute("aria-label", `${view}: ${figures.join(", ")}`);
    canvas.classList.toggle("sd-missing", missing);
    const [list, length] = view === "motion" ? ["motion", model.get("_motion_count")] : ["frames", count()];
    for (let ahead = 1; ahead <= Math.min(AHEAD, length - 1); ahead++) {
      if (ahead <= READY) store.get(list, (index + ahead) % length);
      else store.ask(list, (index + ahead) % length);
    }
    return done || missing;
  };
  const store = makeStore(model, draw);
  signal.addEventListener("abort", () => store.clear());

  const point = () => {
    scrubber.value = index;
    plot.point(index, count());
  };
  const goTo = (wanted) => {
    index = clamp(wanted, 0, Math.max(0, count() - 1));
    set({ index });
    point();
    draw();
  };
  // A frame is held until its time is over and the next one is there: the page never skips.
  const tick = (time) => {
    frame = requestAnimationFrame(tick);
    if (time < due || count() < 2) return;
    const here = index;
    index = (index + 1) % count();
    if (!draw()) return void (index = here);
    due = Math.max(due + 1000 / model.get("fps"), time);
    point();
    if (time - lastSent < TELL) return;
    lastSent = time;
    set({ index });
  };
  const start = (playing) => set(playing ? { playing } : { playing, index });
  signal.addEventListener("abort", () => cancelAnimationFrame(frame));

  listen(scrubber, "input", () => goTo(Number(scrubber.value)));
  const jump = (event) => {
    const box = plot.svg.getBoundingClientRect();
    goTo(Math.round(((event.clientX - box.left) / box.width) * (count() - 1)));
  };
  listen(plot.svg, "pointerdown", (event) => {
    plot.svg.setPointerCapture(event.pointerId);
    jump(event);
  });
  listen(plot.svg, "pointermove", (event) => {
    if (plot.svg.hasPointerCapture(event.pointerId)) jump(event);
  });
  const views = Object.fromEntries(names.map(([view], at) => [String(at + 1), () => set({ view })]));
  keys(canvas, {
    " ": () => start(!model.get("playing")),
    ArrowLeft: () => goTo(index - 1),
    ArrowRight: () => goTo(index + 1),
    Home: () => goTo(0),
    End: () => goTo(count() - 1),
    ...views,
  });

  const onMessage = (message, buffers) => {
    if (message.type !== "picture" || message.generation !== model.get("_generation")) return;
    store.put(message.of, message.index, buffers[0]);
  };
  model.on("msg:custom", onMessage);
  signal.addEventListener("abort", () => model.off("msg:custom", onMessage));
  watch(["_generation"], () => store.clear());
  watch(["_frame_count", "_motion_count", "_generation", "errors"], () => {
    index = clamp(index, 0, Math.max(0, count() - 1));
    root.classList.toggle("sd-none", !count());
    scrubber.max = Math.max(0, count() - 1);
    note.textContent = count() ? "" : "No frames yet.";
    const errors = model.get("errors");
    chart.hidden = !errors.some((error) => error != null);
    if (!chart.hidden) most.textContent = `up to ${plot.draw(errors, count()).toPrecision(3)}`;
    point();
    draw();
  });
  watch(["view"], draw);
  watch(["index"], () => {
    if (index === model.get("index")) return;
    index = clamp(model.get("index"), 0, Math.max(0, count() - 1));
    point();
    draw();
  });
  watch(["playing"], () => {
    const playing = model.get("playing");
    const label = playing ? "Pause" : "Play";
    play.replaceChildren(icon(label.toLowerCase()));
    for (const name of ["title", "aria-label"]) play.setAttribute(name, label);
    cancelAnimationFrame(frame);
    if (playing) frame = requestAnimationFrame(tick);
  });
});
