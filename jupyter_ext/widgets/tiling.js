export default widget("tiling", () => {});
