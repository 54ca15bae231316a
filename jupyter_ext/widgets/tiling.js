const LONGEST = 1536; // px of the whole picture

export default widget("tiling", (tools) => {
  const { model, root, watch } = tools;
  const canvas = make("canvas", { role: "img" });
  const ticks = make("div", { class: "sd-ticks", "aria-hidden": "true" });
  const empty = make("div", { class: "sd-note" }, "No image");
  const bar = make(
    "div",
    { class: "sd-bar" },
    slider(tools, "repeat", "Tiles", { min: 1, max: 8, step: 1 }),
    toggle(tools, "seams", "Show Seams", "Shift by half a tile, so that the seams are in the middle"),
  );
  const stage = make("div", { class: "sd-stage" }, canvas, ticks);
  root.append(stage, empty, bar);
  let tile = null;

  const draw = () => {
    stage.hidden = !tile;
    empty.hidden = tile !== null;
    if (!tile) return;
    const [repeat, seams] = [model.get("repeat"), model.get("seams")];
    // Whole pixels for a tile, or the canvas itself would draw seams.
    const scale = Math.min(1, LONGEST / repeat / Math.max(tile.width, tile.height));
    const [width, height] = [tile.width, tile.height].map((length) => Math.max(1, Math.round(length * scale)));
    const shift = seams ? [width >> 1, height >> 1] : [0, 0];
    Object.assign(canvas, { width: width * repeat, height: height * repeat });
    const context = canvas.getContext("2d");
    for (let row = 0; row <= repeat; row++) {
      for (let column = 0; column <= repeat; column++) {
        context.drawImage(tile, column * width - shift[0], row * height - shift[1], width, height);
      }
    }
    canvas.setAttribute("aria-label", `The tile, ${repeat} × ${repeat}${seams ? ", shifted by half" : ""}`);
    mark(seams ? repeat : 0);
  };
  /** Ticks where the edges of tiles meet. */
  const mark = (count) => {
    ticks.replaceChildren();
    for (let index = 0; index < count; index++) {
      const at = `${((index + 0.5) / count) * 100}%`;
      for (const [side, style] of Object.entries({ top: "left", bottom: "left", left: "top", right: "top" })) {
        ticks.append(make("i", { class: `sd-${side}`, style: `${style}: ${at}` }));
      }
    }
  };
  watchBitmap(tools, "image", (bitmap) => {
    tile = bitmap;
    draw();
  });
  watch(["repeat", "seams"], draw);
});
