const REST = 200; // ms without a change before the mask is sent
const MOST_BYTES = 9e6; // servers cut the connection on messages of 10 MB

/** The picture in a file as PNG bytes, at most `side` px long: what is sent is what is seen, whatever the format. */
const readPicture = async (file, side) => {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  if (file.type === "image/png" && scale === 1 && file.size < MOST_BYTES) {
    return { bytes: await file.arrayBuffer(), note: `${bitmap.width} × ${bitmap.height} px` };
  }
  const [width, height] = [bitmap.width, bitmap.height].map((length) => Math.max(1, Math.round(length * scale)));
  const canvas = make("canvas", { width, height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, width, height);
  const png = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const scaled = scale < 1 ? `, scaled down from ${bitmap.width} × ${bitmap.height}` : "";
  return { bytes: await png.arrayBuffer(), note: `${width} × ${height} px${scaled}` };
};

export default widget("canvas", (tools) => {
  const { model, root, signal, listen, keys, watch, set } = tools;
  const button = (text, title, action) => {
    const element = make("button", { type: "button", title }, text);
    listen(element, "click", action);
    return element;
  };
  const help = "Arrows move the brush, with Shift further; Space puts it down and up; b brush, e erase, [ ] size, i invert, Delete clear, Ctrl+Z undo.";
  const image = make("img", { alt: "Picture" });
  const paper = make("canvas", { width: 0, height: 0, tabindex: "0", role: "application", "aria-label": `Mask. ${help}`, class: "sd-mask" });
  const ring = make("div", { class: "sd-ring", hidden: true });
  const stage = make("div", { class: "sd-stage" }, image, paper, ring);
  const file = make("input", { type: "file", accept: "image/*", hidden: true, "aria-label": "Picture file" });
  const drop = button("Drop or paste an image, or browse …", "", () => file.click());
  drop.className = "sd-drop";
  const note = make("div", { class: "sd-note", role: "status" });
  const layer = makeLayer(paper);
  const history = makeHistory();
  let [sent, timer, latest, pen, brush] = [null, 0, 0, null, { x: 0, y: 0 }];

  // The mask travels when the hand rests, and only the latest one.
  const send = async () => {
    timer = 0;
    const turn = ++latest;
    const mask = layer.read();
    const bytes = mask.some(Boolean) ? await greyPng(mask, paper.width, paper.height) : new ArrayBuffer(0);
    if (turn !== latest) return;
    sent = new DataView(bytes);
    set({ mask: sent });
  };
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(send, REST);
    undo.disabled = !history.canUndo();
    redo.disabled = !history.canRedo();
  };
  signal.addEventListener("abort", () => {
    if (!timer) return;
    clearTimeout(timer);
    send();
  });
  const edit = (change) => {
    const before = layer.read();
    history.remember(before);
    layer.write(before.map(change));
    changed();
  };
  const go = (step, possible) => () => {
    if (possible()) layer.write(step(layer.read()));
    changed();
  };
  const goBack = go(history.undo, history.canUndo);
  const goOn = go(history.redo, history.canRedo);
  const invert = () => edit((value) => 255 - value);
  const clear = () => edit(() => 0);

  const undo = button("Undo", "Ctrl+Z", goBack);
  const redo = button("Redo", "Ctrl+Shift+Z", goOn);
  const bar = make(
    "div",
    { class: "sd-bar" },
    choice(tools, "tool", "Tool", [["brush", "Brush"], ["erase", "Erase"]]),
    slider(tools, "radius", "Size", { min: 1, max: 128, step: 1 }, "px"),
    slider(tools, "feather", "Feather", { min: 0, max: 128, step: 1 }, "px"),
    button("Invert", "i", invert),
    button("Clear", "Delete", clear),
    undo,
    redo,
    button("Replace image …", "Or drop or paste one", () => file.click()),
  );
  root.append(drop, stage, bar, file, note);

  // Painting: a pen that is down draws from where it was to where it is.
  const moveTo = (point) => {
    if (pen) layer.stroke(brush, point, model.get("radius"), pen === "erase");
    brush = point;
    showRing();
  };
  const penDown = (tool) => {
    history.remember(layer.read());
    pen = tool;
    moveTo(brush);
  };
  const penUp = () => {
    if (!pen) return;
    pen = null;
    showRing();
    changed();
  };
  const showRing = () => {
    const scale = paper.clientWidth / paper.width;
    const size = model.get("radius") * 2 * scale;
    Object.assign(ring.style, { left: `${brush.x * scale}px`, top: `${brush.y * scale}px`, width: `${size}px`, height: `${size}px` });
    ring.classList.toggle("sd-down", pen !== null);
  };
  const place = (event) => {
    const box = paper.getBoundingClientRect();
    const scale = paper.width / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  };
  listen(paper, "pointerdown", (event) => {
    if (event.button !== 0 && event.button !== 5) return;
    paper.setPointerCapture(event.pointerId);
    brush = place(event);
    penDown(event.button === 5 ? "erase" : model.get("tool")); // 5: the rubber end of a stylus
  });
  listen(paper, "pointermove", (event) => {
    ring.hidden = false;
    // Pages that came over plain HTTP from another machine have no coalesced events.
    for (const each of event.getCoalescedEvents?.() ?? []) moveTo(place(each));
    moveTo(place(event));
  });
  for (const type of ["pointerup", "pointercancel", "blur"]) listen(paper, type, penUp);
  for (const type of ["pointerleave", "blur"]) listen(paper, type, () => (ring.hidden = true));
  listen(paper, "focus", () => {
    ring.hidden = !paper.matches(":focus-visible");
    showRing();
  });

  const step = (x, y) => (event) => {
    const far = event.shiftKey ? 32 : 4;
    ring.hidden = false;
    moveTo({ x: clamp(brush.x + x * far, 0, paper.width), y: clamp(brush.y + y * far, 0, paper.height) });
  };
  const resize = (factor) => () => set({ radius: clamp(Math.round(model.get("radius") * factor), 1, 128) });
  const pick = (tool) => () => set({ tool });
  keys(paper, {
    ArrowLeft: step(-1, 0),
    ArrowRight: step(1, 0),
    ArrowUp: step(0, -1),
    ArrowDown: step(0, 1),
    " ": (event) => {
      if (event.repeat) return;
      if (pen) penUp();
      else penDown(model.get("tool"));
      note.textContent = `${pen ? "Brush down" : "Brush up"} at ${Math.round(brush.x)}, ${Math.round(brush.y)}`;
    },
    b: pick("brush"),
    e: pick("erase"),
    "[": resize(0.8),
    "]": resize(1.25),
    i: invert,
    Delete: clear,
    Backspace: clear,
  });
  listen(root, "keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    event.stopPropagation();
    (event.shiftKey ? goOn : goBack)();
  });

  // Pictures from outside: dropped, pasted, browsed for.
  const take = async (chosen) => {
    if (!chosen?.type.startsWith("image/")) {
      note.textContent = "This file is not an image.";
      return;
    }
    try {
      const picture = await readPicture(chosen, model.get("max_side"));
      sent = new DataView(new ArrayBuffer(0));
      set({ image: new DataView(picture.bytes), mask: sent, name: chosen.name ?? "" });
      clearMask();
      note.textContent = picture.note;
    } catch (error) {
      note.textContent = `${chosen.name || "The picture"} cannot be read: ${error.message}`;
    }
  };
  listen(file, "change", () => {
    take(file.files[0]);
    file.value = "";
  });
  listen(root, "dragover", (event) => {
    event.preventDefault();
    event.stopPropagation();
    root.classList.add("sd-over");
  });
  listen(root, "dragleave", () => root.classList.remove("sd-over"));
  listen(root, "drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    root.classList.remove("sd-over");
    take(event.dataTransfer.files[0]);
  });
  listen(root, "paste", (event) => {
    const pasted = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
    if (!pasted) return;
    event.preventDefault();
    event.stopPropagation();
    take(pasted);
  });

  const showFeather = () => {
    const blur = (model.get("feather") * paper.clientWidth) / paper.width / 2;
    paper.style.filter = blur > 0 ? `drop-shadow(0 0 ${blur}px #${PAINT.toString(16)})` : "";
  };
  const clearMask = () => {
    clearTimeout(timer);
    [timer, latest] = [0, latest + 1];
    history.forget();
    paper.width = paper.width; // setting it clears the canvas
    undo.disabled = redo.disabled = true;
  };
  const loadMask = async () => {
    const mask = model.get("mask");
    if (mask === sent || !paper.width || !image.complete) return;
    clearMask();
    if (isEmpty(mask)) return;
    if (await layer.load(mask)) return;
    if (mask === model.get("mask")) set({ mask: (sent = new DataView(new ArrayBuffer(0))) }); // of another picture
  };
  watch(["image"], () => {
    const bytes = model.get("image");
    show(image, bytes);
    drop.hidden = !isEmpty(bytes);
    stage.hidden = bar.hidden = isEmpty(bytes);
  });
  listen(image, "load", () => {
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    if (paper.width !== width || paper.height !== height) {
      Object.assign(paper, { width, height });
      clearMask();
      brush = { x: width / 2, y: height / 2 };
      sent = null;
    }
    stage.style.width = `${Math.min(768, Math.max(384, width), (640 * width) / height)}px`;
    showRing();
    showFeather();
    loadMask();
  });
  watch(["mask"], loadMask);
  watch(["radius"], showRing);
  watch(["feather"], showFeather);
});
