/** Shows nothing, and keeps the keys of everything in the studio around it: ipywidgets leave theirs to the notebook. */
export default {
  render({ el }) {
    const life = new AbortController();
    let turn = 0;
    const attach = () => {
      const root = el.closest(".sd-studio");
      if (root) keepKeys(root, listening(life.signal));
      else turn = requestAnimationFrame(attach); // views are put into the page after they are drawn
    };
    attach();
    return () => {
      cancelAnimationFrame(turn);
      life.abort();
    };
  },
};
