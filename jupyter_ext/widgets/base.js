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

/** Call `handlers[event.key]`; a handled key goes no further, neither to the page nor to the notebook. */
const keys = (element, handlers, signal) =>
  element.addEventListener(
    "keydown",
    (event) => {
      const handler = event.altKey || event.ctrlKey || event.metaKey ? undefined : handlers[event.key];
      if (!handler) return;
      event.preventDefault();
      event.stopPropagation();
      handler(event);
    },
    { signal },
  );

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/**
 * The default export of a module. `build` gets the model, an element to fill, a signal that ends with the view,
 * `listen(element, type, handler)`, `watch(names, update)` (called at once and on every change) and `set(values)`.
 */
const widget = (name, build) => ({
  render({ model, el }) {
    const life = new AbortController();
    const { signal } = life;
    // Lab would take arrow keys and letters for its own shortcuts.
    const root = make("div", { class: `sd-widget sd-${name}`, "data-lm-suppress-shortcuts": "true" });
    el.append(root);
    const watch = (names, update) => {
      for (const each of names) model.on(`change:${each}`, update);
      signal.addEventListener("abort", () => names.forEach((each) => model.off(`change:${each}`, update)));
      update();
    };
    const listen = (element, type, handler, options = {}) =>
      element.addEventListener(type, handler, { ...options, signal });
    const set = (values) => {
      for (const [key, value] of Object.entries(values)) model.set(key, value);
      model.save_changes();
    };
    build({ model, root, signal, watch, listen, set });
    return () => {
      life.abort();
      root.querySelectorAll("img").forEach(revoke);
      root.remove();
    };
  },
});
