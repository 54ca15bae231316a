const UNDO_BYTES = 64e6;
const PAINT = 0xff3d68;

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

const pngChunk = (type, data) => {
  const chunk = new Uint8Array(data.length + 12);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  chunk.set([...type].map((letter) => letter.charCodeAt(0)), 4);
  chunk.set(data, 8);
  let crc = 0xffffffff;
  for (const byte of chunk.subarray(4, data.length + 8)) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  view.setUint32(data.length + 8, ~crc);
  return chunk;
};

/** A grey 8-bit PNG (ISO/IEC 15948), which a canvas cannot write. */
const greyPng = async (grey, width, height) => {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) rows.set(grey.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const packed = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const data = new Uint8Array(await new Response(packed).arrayBuffer());
  const parts = [pngChunk("IHDR", new Uint8Array(header.buffer)), pngChunk("IDAT", data), pngChunk("IEND", [])];
  return new Blob([new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]), ...parts]).arrayBuffer();
};

/** The mask is the alpha of the layer over the picture: what is painted is what is seen. */
const makeLayer = (canvas) => {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pixels = () => context.getImageData(0, 0, canvas.width, canvas.height);
  const channel = (offset) => {
    const { data } = pixels();
    const plane = new Uint8Array(data.length / 4);
    for (let i = 0; i < plane.length; i++) plane[i] = data[i * 4 + offset];
    return plane;
  };
  return {
    read: () => channel(3),
    write(alpha) {
      const image = context.createImageData(canvas.width, canvas.height);
      const words = new DataView(image.data.buffer);
      alpha.forEach((value, index) => words.setUint32(index * 4, (PAINT << 8) | value));
      context.putImageData(image, 0, 0);
    },
    stroke(from, to, radius, erase) {
      context.globalCompositeOperation = erase ? "destination-out" : "source-over";
      context.strokeStyle = `#${PAINT.toString(16)}`;
      context.lineCap = "round";
      context.lineWidth = radius * 2;
      context.beginPath();
      context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
      context.stroke();
    },
    /** Take over a grey picture; says whether its size was right. */
    async load(bytes) {
      const bitmap = await createImageBitmap(new Blob([bytes]));
      if (bitmap.width !== canvas.width || bitmap.height !== canvas.height) return false;
      context.globalCompositeOperation = "copy";
      context.drawImage(bitmap, 0, 0);
      this.write(channel(0));
      return true;
    },
  };
};

/** Past and future masks, the oldest of which are dropped when they take up too much. */
const makeHistory = () => {
  let [past, future] = [[], []];
  const step = (from, to) => (now) => {
    to.push(now);
    return from.pop();
  };
  return {
    remember(mask) {
      past.push(mask);
      future.length = 0;
      while (past.length > 1 && past.length * mask.length > UNDO_BYTES) past.shift();
    },
    forget: () => (past.length = future.length = 0),
    undo: step(past, future),
    redo: step(future, past),
    canUndo: () => past.length > 0,
    canRedo: () => future.length > 0,
  };
};

