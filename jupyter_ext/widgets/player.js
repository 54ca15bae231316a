export default widget("player", () => {});
