// @ts-check
// Shared by every widget: Python puts this text before each module.

/** Make an element: `make("button", { type: "button" }, "Cancel")`; attributes that are false or null are left out. */
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
};

const isEmpty = (bytes) => !bytes?.byteLength;

/** Whether two pictures are equal: every update of the list brings new views of the old bytes. */
const sameBytes = (a, b) => {
  if (!a || !b || a.byteLength !== b.byteLength) return a === b;
  const [x, y] = [a, b].map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return x.every((value, index) => value === y[index]);
};

/** The URL of a picture is given back when another one takes its place. */
const revoke = (image) => {
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
};

/** Show encoded bytes in an `<img>`, which is hidden when there are none. */
const show = (image, bytes, mime = "") => {
  revoke(image);
  image.hidden = isEmpty(bytes);
  if (image.hidden) image.removeAttribute("src");
  else image.src = URL.createObjectURL(new Blob([bytes], { type: mime }));
};

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** A labelled slider for a trait; the last argument is its unit. */
const slider = ({ model, watch, listen, set }, trait, label, range, unit = "") => {
  const input = make("input", { type: "range", ...range });
  const output = make("output", { class: "sd-figures" });
  watch([trait], () => {
    input.value = model.get(trait);
    output.textContent = `${model.get(trait)} ${unit}`;
  });
  listen(input, "input", () => set({ [trait]: Number(input.value) }));
  return make("label", {}, label, input, output);
};

/** Buttons for a trait, of which one is pressed; `options` are pairs of value and text. */
const choice = ({ model, watch, listen, set }, trait, label, options) => {
  const buttons = options.map(([value, text]) => {
    const button = make("button", { type: "button", "data-value": value }, text);
    listen(button, "click", () => set({ [trait]: value }));
    return button;
  });
  watch([trait], () => {
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.value === model.get(trait)));
  });
  return make("div", { class: "sd-choice", role: "group", "aria-label": label }, ...buttons);
};

/** A button for a trait that is true or false. */
const toggle = ({ model, watch, listen, set }, trait, text, title = "") => {
  const button = make("button", { type: "button", title }, text);
  listen(button, "click", () => set({ [trait]: !model.get(trait) }));
  watch([trait], () => button.setAttribute("aria-pressed", String(model.get(trait))));
  return button;
};

/** Call `use(bitmap)` (null: none) for the picture of a trait whenever it changes; only the latest one counts. */
const watchBitmap = ({ model, watch, signal }, trait, use, options = {}) => {
  let [latest, current] = [0, null];
  const replace = (bitmap) => {
    current?.close();
    current = bitmap;
  };
  signal.addEventListener("abort", () => replace(null));
  watch([trait], async () => {
    const turn = ++latest;
    const bytes = model.get(trait);
    const bitmap = isEmpty(bytes) ? null : await createImageBitmap(new Blob([bytes]), options);
    if (turn !== latest || signal.aborted) return void bitmap?.close();
    replace(bitmap);
    use(bitmap);
  });
};

/** `listen(element, type, handler, options)` for as long as a signal has not fired. */
const listening = (signal) => (element, type, handler, options = {}) =>
  element.addEventListener(type, handler, { ...options, signal });

/**
 * Keep plain keys and undo from the notebook, which would take arrow keys from a slider; Ctrl+S is the notebook's.
 * JupyterLab listens after the widget, where the event can be stopped. Notebook 7 listens before it and looks for an
 * attribute of the element that has the focus.
 */
const keepKeys = (root, listen) => {
  const isOwn = (event) => !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() === "z";
  const mark = (event) => {
    const target = event.composedPath()[0];
    if (root.contains(target)) target.toggleAttribute("data-lm-suppress-shortcuts", isOwn(event));
  };
  listen(window, "keydown", mark, { capture: true });
  listen(root, "keydown", (event) => isOwn(event) && event.stopPropagation());
};

/**
 * The default export of a module. `build` gets the model, an element to fill, a signal that ends with the view,
 * `listen(element, type, handler)`, `watch(names, update)` (called at once and on every change), `set(values)`, and
 * `keys(element, handlers)`: a handled key goes no further, neither to the page nor to the notebook.
 */
const widget = (name, build) => ({
  render({ model, el }) {
    const life = new AbortController();
    const { signal } = life;
    const root = make("div", { class: `sd-widget sd-${name}`, });
    el.append(root);
    const listen = listening(signal);
    const keys = (element, handlers) =>
      listen(element, "keydown", (event) => {
        const handler = event.altKey || event.ctrlKey || event.metaKey ? undefined : handlers[event.key];
        if (!handler) return;
        event.preventDefault();
        event.stopPropagation();
        handler(event);
      });
    const watch = (names, update) => {
      for (const each of names) model.on(`change:${each}`, update);
      signal.addEventListener("abort", () => names.forEach((each) => model.off(`change:${each}`, update)));
      update();
    };
    const set = (values) => {
      for (const [key, value] of Object.entries(values)) model.set(key, value);
      model.save_changes();
    };
    keepKeys(root, listen);
    build({ model, root, signal, listen, keys, watch, set });
    return () => {
      life.abort();
      root.querySelectorAll("img").forEach(revoke);
      root.remove();
    };
  },
});
