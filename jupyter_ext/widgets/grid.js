export default widget("grid", ({ model, root, listen, keys, watch, set }) => {
  const table = make("table", { role: "grid", "aria-label": "Sweep" });
  const note = make("div", { class: "sd-note", role: "status" });
  root.append(make("div", { class: "sd-scroll" }, table), note);
  let [cells, columns] = [[], 0];

  const header = (text, attributes) => make("th", attributes, text);
  /** What was varied and its value, as in "steps 20". */
  const named = (name, label) => [name, label].filter(Boolean).join(" ");
  const build = () => {
    const [columnLabels, rowLabels] = [model.get("column_labels"), model.get("row_labels")];
    const [wide, high] = [Math.max(1, columnLabels.length), Math.max(1, rowLabels.length)];
    root.querySelectorAll("img").forEach(revoke);
    columns = wide;
    cells = [];
    const head = make("tr", {}, header(named(model.get("rows"), rowLabels.length && "\u2193"), { class: "sd-corner" }));
    columnLabels.forEach((label) => head.append(header(named(model.get("columns"), label), { scope: "col" })));
    const body = Array.from({ length: high }, (_, row) => {
      const line = make("tr", {}, header(rowLabels[row] ?? "", { scope: "row" }));
      for (let column = 0; column < wide; column++) {
        const label = [named(model.get("columns"), columnLabels[column]), named(model.get("rows"), rowLabels[row])];
        const cell = make("td", { role: "gridcell", tabindex: "-1", "aria-label": label.filter(Boolean).join(", ") });
        cell.append(make("img", { alt: "", hidden: true }));
        cells.push(cell);
        line.append(cell);
      }
      return line;
    });
    table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
    fill();
    mark();
  };
  const fill = () => {
    const pictures = model.get("cells");
    cells.forEach((cell, index) => {
      if (sameBytes(cell.picture, pictures[index])) return;
      cell.picture = pictures[index];
      show(cell.firstChild, pictures[index]);
    });
    const ready = cells.filter((cell) => !isEmpty(cell.picture)).length;
    cells.forEach((cell) => cell.setAttribute("aria-busy", String(isEmpty(cell.picture))));
    note.textContent = ready < cells.length ? `${ready} of ${cells.length} pictures` : "";
  };
  const mark = () => {
    const selected = model.get("selected");
    cells.forEach((cell, index) => cell.setAttribute("aria-selected", String(index === selected)));
    if (!cells.some((cell) => cell.tabIndex === 0)) makeTabStop(cells[selected] ?? cells[0]);
  };
  const makeTabStop = (cell) => cells.forEach((each) => (each.tabIndex = each === cell ? 0 : -1));

  const choose = (index) => {
    if (isEmpty(cells[index]?.picture)) return; // still to come
    set({ selected: index });
    model.send({ type: "choose", index });
  };
  const cellOf = (event) => cells.indexOf(event.target.closest("td"));
  const move = (across, down) => (event) => {
    const from = cellOf(event);
    const column = clamp((from % columns) + across, 0, columns - 1);
    const row = clamp(Math.floor(from / columns) + down, 0, cells.length / columns - 1);
    const cell = cells[row * columns + column];
    makeTabStop(cell);
    cell.focus();
  };
  keys(table, {
    ArrowLeft: move(-1, 0),
    ArrowRight: move(1, 0),
    ArrowUp: move(0, -1),
    ArrowDown: move(0, 1),
    Home: move(-Infinity, 0),
    End: move(Infinity, 0),
    Enter: (event) => choose(cellOf(event)),
    " ": (event) => choose(cellOf(event)),
  });
  listen(table, "click", (event) => {
    const index = cellOf(event);
    if (index < 0) return;
    makeTabStop(cells[index]);
    choose(index);
  });
  watch(["columns", "rows", "column_labels", "row_labels"], build);
  watch(["cells"], fill);
  watch(["selected"], mark);
});
