const SIDE = 420; // px
const TURN = Math.PI / 18; // for a press of an arrow key
// What a map is where it is missing.
const MISSING = {
  base_color: [204, 204, 204],
  normal: [128, 128, 255],
  roughness: [128, 128, 128],
  metallic: [0, 0, 0],
  height: [128, 128, 128],
  ambient_occlusion: [255, 255, 255],
};
const MAPS = Object.keys(MISSING);
const START = { azimuth: -0.9, elevation: 0.45, distance: 3.4 };

/** The camera at `eye`, looking at the origin, with z up and a field of view of 40 degrees: a matrix in columns. */
const cameraAt = (eye, near = 0.1, far = 30) => {
  const back = unit(eye);
  const right = unit(cross([0, 0, 1], back));
  const up = cross(back, right);
  const zoom = 1 / Math.tan((20 * Math.PI) / 180);
  const [a, b] = [(far + near) / (near - far), (2 * far * near) / (near - far)];
  const column = (axis) => [zoom * right[axis], zoom * up[axis], a * back[axis], -back[axis]];
  const away = -Math.hypot(...eye);
  return [...column(0), ...column(1), ...column(2), 0, 0, a * away + b, -away];
};

/** Everything that lives on the graphics card; made again when the card was lost. */
const makeScene = (gl) => {
  const program = makeProgram(gl);
  gl.useProgram(program);
  const uniform = (name) => gl.getUniformLocation(program, name);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  let offset = 0;
  [3, 3, 2, 1].forEach((size, location) => {
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, size, gl.FLOAT, false, FLOATS * 4, offset * 4);
    offset += size;
  });
  gl.enable(gl.DEPTH_TEST);
  MAPS.forEach((name, index) => {
    gl.uniform1i(uniform(name), index);
    gl.activeTexture(gl.TEXTURE0 + index);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  });
  let count = 0;
  return {
    setSolid(corners) {
      count = corners.length / FLOATS;
      gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(corners), gl.STATIC_DRAW);
    },
    setMap(name, bitmap) {
      gl.activeTexture(gl.TEXTURE0 + MAPS.indexOf(name));
      // Base colours are sRGB, all other maps are figures.
      const format = name === "base_color" ? gl.SRGB8_ALPHA8 : gl.RGBA8;
      const pixel = new Uint8Array([...MISSING[name], 255]);
      if (bitmap) gl.texImage2D(gl.TEXTURE_2D, 0, format, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
      else gl.texImage2D(gl.TEXTURE_2D, 0, format, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
      gl.generateMipmap(gl.TEXTURE_2D);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
      const sharp = gl.getExtension("EXT_texture_filter_anisotropic");
      if (sharp) gl.texParameterf(gl.TEXTURE_2D, sharp.TEXTURE_MAX_ANISOTROPY_EXT, 8);
      gl.uniform1i(uniform(`has_${name}`), bitmap ? 1 : 0);
    },
    draw(view, relief, repeat) {
      const flat = Math.cos(view.elevation) * view.distance;
      const eye = [flat * Math.cos(view.azimuth), flat * Math.sin(view.azimuth), Math.sin(view.elevation) * view.distance];
      gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.uniformMatrix4fv(uniform("camera"), false, cameraAt(eye));
      gl.uniform3fv(uniform("eye"), eye);
      gl.uniform1f(uniform("relief"), relief);
      gl.uniform1f(uniform("repeat"), repeat);
      gl.drawArrays(gl.TRIANGLES, 0, count);
    },
  };
};

export default widget("shape", (tools) => {
  const { model, root, signal, listen, keys, watch } = tools;
  const side = SIDE * clamp(window.devicePixelRatio, 1, 2);
  const canvas = make("canvas", { width: side, height: side, role: "img", tabindex: "0" });
  const bar = make(
    "div",
    { class: "sd-bar" },
    choice(tools, "shape", "Shape", ["sphere", "cube", "plane", "mesh"].map((name) => [name, name[0].toUpperCase() + name.slice(1)])),
    slider(tools, "repeat", "Tiles", { min: 1, max: 8, step: 1 }),
    slider(tools, "relief", "Height", { min: 0, max: 0.3, step: 0.01 }),
  );
  const note = make("div", { class: "sd-note", role: "status" });
  root.append(canvas, bar, note);
  const gl = canvas.getContext("webgl2", { antialias: true });
  if (!gl) {
    canvas.hidden = true;
    note.textContent = "This browser has no WebGL 2, so the shape cannot be drawn.";
    return;
  }
  let [scene, view, frame, grip] = [makeScene(gl), { ...START }, 0, null];
  const bitmaps = {};

  const draw = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      if (!gl.isContextLost()) scene.draw(view, model.get("relief"), model.get("shape") === "mesh" ? 1 : model.get("repeat"));
    });
  };
  const numbers = (trait, Type) => {
    const { buffer, byteOffset, byteLength } = model.get(trait);
    return new Type(buffer.slice(byteOffset, byteOffset + byteLength));
  };
  const build = () => {
    const name = model.get("shape");
    const missing = name === "mesh" && isEmpty(model.get("faces"));
    const makeMesh = () => mesh(numbers("vertices", Float32Array), numbers("faces", Uint32Array), numbers("uvs", Float32Array));
    scene.setSolid(missing ? [] : { sphere, cube, plane, mesh: makeMesh }[name]());
    note.textContent = missing ? "No mesh" : "";
    canvas.setAttribute("aria-label", `The material on a ${name}; arrow keys turn it, + and - zoom, 0 resets the view`);
    draw();
  };

  const turn = (across, up) => {
    const limit = Math.PI / 2 - 0.02;
    view.azimuth += across;
    view.elevation = clamp(view.elevation + up, -limit, limit);
    draw();
  };
  const zoom = (factor) => {
    view.distance = clamp(view.distance * factor, 1.4, 9);
    draw();
  };
  const reset = () => {
    view = { ...START };
    draw();
  };
  keys(canvas, {
    ArrowLeft: () => turn(-TURN, 0),
    ArrowRight: () => turn(TURN, 0),
    ArrowUp: () => turn(0, TURN),
    ArrowDown: () => turn(0, -TURN),
    "+": () => zoom(0.85),
    "=": () => zoom(0.85),
    "-": () => zoom(1 / 0.85),
    0: reset,
  });
  listen(canvas, "dblclick", reset);
  listen(canvas, "pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    grip = [event.clientX, event.clientY];
  });
  listen(canvas, "pointermove", (event) => {
    if (!grip || !canvas.hasPointerCapture(event.pointerId)) return;
    turn((grip[0] - event.clientX) * 0.01, (event.clientY - grip[1]) * 0.01);
    grip = [event.clientX, event.clientY];
  });
  // The wheel scrolls the notebook until the shape has the focus.
  listen(canvas, "wheel", (event) => {
    if (canvas.getRootNode().activeElement !== canvas) return;
    event.preventDefault();
    zoom(Math.exp(event.deltaY * 0.001));
  }, { passive: false });

  listen(canvas, "webglcontextlost", (event) => event.preventDefault());
  listen(canvas, "webglcontextrestored", () => {
    scene = makeScene(gl);
    for (const name of MAPS) scene.setMap(name, bitmaps[name] ?? null);
    build();
  });
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(frame);
    gl.getExtension("WEBGL_lose_context")?.loseContext(); // a page may hold sixteen
  });

  // Rows from the bottom, as coordinates count, and pixels as they are stored.
  const options = { imageOrientation: "flipY", premultiplyAlpha: "none", colorSpaceConversion: "none" };
  for (const name of MAPS) {
    scene.setMap(name, null);
    watchBitmap(tools, name, (bitmap) => {
      bitmaps[name] = bitmap;
      scene.setMap(name, bitmap);
      draw();
    }, options);
  }
  watch(["shape", "vertices", "faces", "uvs"], build);
  watch(["relief", "repeat"], draw);
});
