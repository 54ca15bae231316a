// @ts-check
/**
 * Keys typed in the studio are its own: without this, the notebook takes the arrows of a slider for its own commands.
 * Those with Ctrl, Alt or Cmd go through, so that Ctrl+S still saves.
 */
const keep = (event) => {
  if (!event.ctrlKey && !event.altKey && !event.metaKey) event.stopPropagation();
};

export default {
  render({ el }) {
    let root = null;
    let turn = 0;
    const attach = () => {
      root = el.closest(".sd-studio");
      // Views are put into the page after they are drawn.
      if (root) root.addEventListener("keydown", keep);
      else turn = requestAnimationFrame(attach);
    };
    attach();
    return () => {
      cancelAnimationFrame(turn);
      root?.removeEventListener("keydown", keep);
    };
  },
};
