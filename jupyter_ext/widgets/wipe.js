export default widget("wipe", ({ model, root, listen, keys, watch, set }) => {
  const [before, after] = [make("img", { class: "sd-before" }), make("img", { class: "sd-after" })];
  const line = make("div", { class: "sd-line" });
  const [left, right] = [make("span", { class: "sd-tag sd-left" }), make("span", { class: "sd-tag sd-right" })];
  const stage = make(
    "div",
    { class: "sd-stage", role: "slider", tabindex: "0", "aria-label": "Wipe", "aria-valuemin": "0", "aria-valuemax": "100" },
    after,
    before,
    line,
    left,
    right,
  );
  root.append(stage);

  const moveTo = (position) => set({ position: clamp(position, 0, 1) });
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    moveTo((event.clientX - box.left) / box.width);
  };
  listen(stage, "pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  listen(stage, "pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) follow(event);
  });
  const step = (by) => (event) => moveTo(model.get("position") + by * (event.shiftKey ? 10 : 1));
  keys(stage, {
    ArrowLeft: step(-0.01),
    ArrowDown: step(-0.01),
    ArrowRight: step(0.01),
    ArrowUp: step(0.01),
    PageDown: step(-0.1),
    PageUp: step(0.1),
    Home: () => moveTo(0),
    End: () => moveTo(1),
  });

  watch(["before"], () => show(before, model.get("before")));
  watch(["after"], () => show(after, model.get("after")));
  watch(["before_label", "after_label"], () => {
    before.alt = left.textContent = model.get("before_label");
    after.alt = right.textContent = model.get("after_label");
  });
  watch(["position"], () => {
    const percent = model.get("position") * 100;
    before.style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
    line.style.left = `${percent}%`;
    stage.setAttribute("aria-valuenow", String(Math.round(percent)));
    stage.setAttribute("aria-valuetext", `${Math.round(percent)} % ${model.get("before_label")}`);
  });
});
