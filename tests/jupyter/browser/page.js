// What a front end gives a widget: a model. And counts of what the widget still holds, to be asked for after its end.

const held = { listeners: [], urls: new Set(), frames: new Set(), timers: new Set() };

const { addEventListener, removeEventListener } = EventTarget.prototype;
const drop = (entry) => {
  const at = held.listeners.indexOf(entry);
  if (at >= 0) held.listeners.splice(at, 1);
};
EventTarget.prototype.addEventListener = function (type, handler, options) {
  // The module is loaded from a blob; what others listen for is none of its business.
  if (!(this instanceof AbortSignal) && new Error().stack.includes("blob:")) {
    const entry = { target: this, type, handler };
    held.listeners.push(entry);
    if (options?.signal) addEventListener.call(options.signal, "abort", () => drop(entry));
  }
  return addEventListener.call(this, type, handler, options);
};
EventTarget.prototype.removeEventListener = function (type, handler, options) {
  drop(held.listeners.find((each) => each.target === this && each.type === type && each.handler === handler));
  return removeEventListener.call(this, type, handler, options);
};

const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = (blob) => {
  const url = createObjectURL(blob);
  held.urls.add(url);
  return url;
};
URL.revokeObjectURL = (url) => {
  held.urls.delete(url);
  revokeObjectURL(url);
};

const decoding = new Set();
const { createImageBitmap } = window;
window.createImageBitmap = (...rest) => {
  const bitmap = createImageBitmap(...rest);
  const end = () => decoding.delete(bitmap);
  decoding.add(bitmap);
  bitmap.then(end, end);
  return bitmap;
};

const { requestAnimationFrame: request, cancelAnimationFrame: cancel, setInterval: start, clearInterval: stop } = window;
window.requestAnimationFrame = (callback) => {
  const id = request((time) => {
    held.frames.delete(id);
    callback(time);
  });
  held.frames.add(id);
  return id;
};
window.cancelAnimationFrame = (id) => {
  held.frames.delete(id);
  cancel(id);
};
window.setInterval = (...rest) => {
  const id = start(...rest);
  held.timers.add(id);
  return id;
};
window.clearInterval = (id) => {
  held.timers.delete(id);
  stop(id);
};

const toView = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
const toText = (value) => {
  const { buffer, byteOffset, byteLength } = value instanceof ArrayBuffer ? new DataView(value) : value;
  let text = "";
  for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) text += String.fromCharCode(byte);
  return btoa(text);
};
const decode = (value) => {
  if (Array.isArray(value)) return value.map(decode);
  if (value && typeof value === "object") {
    if ("$bytes" in value) return toView(value.$bytes);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, decode(each)]));
  }
  return value;
};
const encode = (value) => {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { $bytes: toText(value) };
  if (Array.isArray(value)) return value.map(encode);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, encode(each)]));
  }
  return value;
};

class Model {
  constructor(state) {
    Object.assign(this, { state, callbacks: [], changed: {}, saved: [], sent: [] });
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.changed[name] = value;
    this.fire(`change:${name}`);
  }
  save_changes() {
    this.saved.push(this.changed);
    this.changed = {};
  }
  send(content) {
    this.sent.push(content);
  }
  on(name, callback) {
    this.callbacks.push([name, callback]);
  }
  off(name, callback) {
    this.callbacks = this.callbacks.filter(([each, own]) => each !== name || (callback && own !== callback));
  }
  fire(name, ...rest) {
    for (const [each, callback] of [...this.callbacks]) if (each === name) callback(...rest);
  }
}

window.mount = async (esm, css, state) => {
  const style = document.createElement("style");
  style.textContent = css;
  const host = document.createElement("div");
  document.body.append(style, host);
  const url = createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  revokeObjectURL(url);
  window.model = new Model(decode(state));
  const start = performance.now();
  window.dispose = await widget.render({ model: window.model, el: host });
  await new Promise((done) => request(() => setTimeout(done))); // the first frame
  window.shown = performance.now() - start;
};
/** A change, or a message, from Python. */
window.update = (state) => {
  const values = decode(state);
  Object.assign(window.model.state, values);
  for (const name of Object.keys(values)) window.model.fire(`change:${name}`);
};
window.receive = (content, buffers) => window.model.fire("msg:custom", content, buffers.map(toView));
/** What the page has told Python since this was last asked. */
window.collect = () => {
  const { saved, sent } = window.model;
  Object.assign(window.model, { saved: [], sent: [] });
  return { saved: saved.map(encode), sent };
};
/** Wait until every picture is decoded and no frame is asked for: what is seen then stays. */
window.settled = async () => {
  do {
    await Promise.allSettled([...decoding, ...[...document.images].map((image) => image.decode())]);
    await new Promise((done) => request(() => setTimeout(done)));
  } while (decoding.size || held.frames.size);
};
window.leftovers = () => ({
  listeners: held.listeners.map((each) => each.type),
  urls: held.urls.size,
  frames: held.frames.size,
  timers: held.timers.size,
  callbacks: window.model.callbacks.map(([name]) => name),
});
