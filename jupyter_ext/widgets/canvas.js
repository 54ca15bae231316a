export default widget("canvas", () => {});
