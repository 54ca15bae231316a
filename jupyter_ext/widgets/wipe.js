export default widget("wipe", () => {});
