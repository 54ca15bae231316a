export default widget("shape", () => {});
