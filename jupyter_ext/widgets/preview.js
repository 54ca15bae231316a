/** 75 -> "1 min 15 s left" */
const timeLeft = (seconds) => {
  if (seconds == null) return "";
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s left` : `${Math.floor(whole / 60)} min ${whole % 60} s left`;
};

export default widget("preview", ({ model, root, watch, listen }) => {
  const image = make("img", { alt: "" });
  const empty = make("div", { class: "sd-empty" }, "No image");
  const bar = make("progress", { max: "1", "aria-label": "Progress" });
  const left = make("span", { class: "sd-figures" });
  const cancel = make("button", { type: "button" }, "Cancel");
  const caption = make("div", { class: "sd-note", role: "status" });
  const running = make("div", { class: "sd-bar" }, bar, left, cancel);
  root.append(make("div", { class: "sd-picture" }, image, empty), running, caption);

  listen(cancel, "click", () => {
    cancel.disabled = true;
    cancel.textContent = "Cancelling …";
    model.send({ type: "cancel" });
  });

  watch(["image", "mime"], () => {
    show(image, model.get("image"), model.get("mime"));
    empty.hidden = !image.hidden;
  });
  watch(["caption"], () => {
    caption.textContent = model.get("caption");
    image.alt = model.get("caption") || "The latest picture";
  });
  const ready = () => {
    cancel.disabled = !model.get("busy");
    cancel.textContent = "Cancel";
  };
  watch(["progress", "seconds_left"], () => {
    // Progress that falls is that of the next job in the queue.
    if (model.get("progress") < bar.value) ready();
    bar.value = model.get("progress");
    left.textContent = timeLeft(model.get("seconds_left"));
  });
  watch(["busy"], () => {
    const busy = model.get("busy");
    root.setAttribute("aria-busy", String(busy));
    running.hidden = !busy;
    ready();
  });
});
