// Solids as triangles without indices: position, normal, coordinates and lift, 9 floats for each corner. Lift says how
// much of the height a point gets: none at edges and poles, where the surface would tear. z is up.
const FLOATS = 9;

/** Triangles over a grid of points `at(u, v)`, u and v from 0 to 1. */
const patch = (across, along, at) => {
  const corners = [];
  const point = (column, row) => at(column / across, row / along);
  for (let row = 0; row < along; row++) {
    for (let column = 0; column < across; column++) {
      const [a, b] = [point(column, row), point(column + 1, row)];
      const [c, d] = [point(column, row + 1), point(column + 1, row + 1)];
      corners.push(a, b, d, a, d, c);
    }
  }
  return corners.flat();
};

const edge = (distance) => clamp(distance / 0.06, 0, 1);

const sphere = () =>
  patch(96, 64, (u, v) => {
    const [turn, rise] = [u * 2 * Math.PI, (v - 0.5) * Math.PI];
    const normal = [Math.cos(rise) * Math.cos(turn), Math.cos(rise) * Math.sin(turn), Math.sin(rise)];
    return [...normal, ...normal, u * 2, v, edge(Math.min(v, 1 - v))];
  });

const plane = () => patch(96, 96, (u, v) => [u * 2 - 1, v * 2 - 1, 0, 0, 0, 1, u, v, 1]);

const cube = () => {
  const half = 0.6;
  // Each side: its normal, and where u and v go.
  const sides = [
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
    [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
    [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
    [[0, 0, -1], [1, 0, 0], [0, -1, 0]],
  ];
  return sides.flatMap(([normal, right, up]) =>
    patch(40, 40, (u, v) => {
      const position = normal.map((value, axis) => half * (value + right[axis] * (u * 2 - 1) + up[axis] * (v * 2 - 1)));
      return [...position, ...normal, u, v, edge(Math.min(u, 1 - u, v, 1 - v))];
    }),
  );
};

const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => a.map((value) => value / (Math.hypot(...a) || 1));

/** Triangles around the origin within radius 1, smooth where neighbours meet at less than 40 degrees. */
const mesh = (vertices, faces, uvs) => {
  const point = (index) => vertices.subarray(index * 3, index * 3 + 3);
  const count = faces.length / 3;
  const flat = Array.from({ length: count }, (_, face) => {
    const [a, b, c] = [0, 1, 2].map((corner) => point(faces[face * 3 + corner]));
    return cross(minus(b, a), minus(c, a));
  });
  const around = Array.from({ length: vertices.length / 3 }, () => []);
  faces.forEach((vertex, corner) => around[vertex].push(Math.floor(corner / 3)));

  let [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  for (let index = 0; index < vertices.length; index += 3) {
    low = low.map((value, axis) => Math.min(value, vertices[index + axis]));
    high = high.map((value, axis) => Math.max(value, vertices[index + axis]));
  }
  const middle = low.map((value, axis) => (value + high[axis]) / 2);
  const size = Math.hypot(...minus(high, low)) / 2 || 1;

  const eachCorner = uvs.length === faces.length * 2;
  const smooth = Math.cos((40 * Math.PI) / 180);
  const corners = new Float32Array(faces.length * FLOATS);
  faces.forEach((vertex, corner) => {
    const own = flat[Math.floor(corner / 3)];
    const near = around[vertex].map((face) => flat[face]).filter((each) => dot(unit(each), unit(own)) > smooth);
    const normal = unit(near.reduce((sum, each) => sum.map((value, axis) => value + each[axis]), [0, 0, 0]));
    const position = minus(point(vertex), middle).map((value) => value / size);
    const from = (eachCorner ? corner : vertex) * 2;
    corners.set([...position, ...normal, uvs[from], uvs[from + 1], 0], corner * FLOATS);
  });
  return corners;
};
