export default widget("grid", () => {});
