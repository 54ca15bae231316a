export default widget("depth_view", () => {});
