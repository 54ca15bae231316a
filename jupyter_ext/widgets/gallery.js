export default widget("gallery", ({ model, root, keys, watch, listen, set }) => {
  const list = make("div", { class: "sd-thumbnails", role: "listbox", "aria-label": "Pictures", "aria-orientation": "horizontal" });
  const empty = make("div", { class: "sd-note" }, "Finished pictures appear here.");
  root.append(list, empty);
  const options = () => [...list.children];

  // Exactly one option is a tab stop: the last one that had the focus, else the chosen one, else the first.
  const makeTabStop = (option) => options().forEach((each) => (each.tabIndex = each === option ? 0 : -1));
  const focus = (index) => {
    const option = options()[clamp(index, 0, list.children.length - 1)];
    makeTabStop(option);
    option.focus();
  };
  const columns = () => {
    const all = options();
    const second = all.findIndex((each) => each.offsetTop > all[0].offsetTop);
    return second < 0 ? all.length : second;
  };
  const choose = (option) => {
    set({ selected: option.dataset.id });
    model.send({ type: "choose", id: option.dataset.id });
  };
  const move = (step) => (event) => focus(options().indexOf(event.target.closest("[role=option]")) + step());
  keys(list, {
    ArrowLeft: move(() => -1),
    ArrowRight: move(() => 1),
    ArrowUp: move(() => -columns()),
    ArrowDown: move(() => columns()),
    Home: () => focus(0),
    End: () => focus(list.children.length - 1),
    Enter: (event) => choose(event.target.closest("[role=option]")),
    " ": (event) => choose(event.target.closest("[role=option]")),
  });
  listen(list, "click", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    makeTabStop(option);
    choose(option);
  });

  const makeOption = (id) =>
    make("div", { class: "sd-thumbnail", role: "option", "data-id": id }, make("img", { alt: "" }), make("span"));
  const fill = (option, item, bytes) => {
    const [image, caption] = option.children;
    caption.textContent = item.caption ?? "";
    option.title = item.title ?? "";
    option.setAttribute("aria-label", [item.caption, item.title].filter(Boolean).join(", ") || item.id);
    if (sameBytes(option.bytes, bytes)) return;
    option.bytes = bytes;
    show(image, bytes);
  };
  watch(["items", "thumbnails"], () => {
    const [items, thumbnails] = [model.get("items"), model.get("thumbnails")];
    const old = new Map(options().map((option) => [option.dataset.id, option]));
    const wanted = items.map((item) => old.get(item.id) ?? makeOption(item.id));
    for (const option of old.values()) {
      if (wanted.includes(option)) continue;
      revoke(option.firstChild);
      option.remove();
    }
    wanted.forEach((option, index) => {
      if (list.children[index] !== option) list.insertBefore(option, list.children[index] ?? null);
      fill(option, items[index], thumbnails[index]);
    });
    empty.hidden = items.length > 0;
    list.hidden = !items.length;
    mark();
  });
  function mark() {
    const selected = model.get("selected");
    for (const option of options()) option.setAttribute("aria-selected", String(option.dataset.id === selected));
    const stop = options().find((each) => each.tabIndex === 0) ?? options().find((each) => each.dataset.id === selected);
    makeTabStop(stop ?? list.firstChild);
  }
  watch(["selected"], mark);
});
