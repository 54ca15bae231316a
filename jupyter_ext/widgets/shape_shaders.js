const VERTEX = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 coordinates;
layout(location = 3) in float lift;
uniform mat4 camera;
uniform sampler2D height;
uniform float relief, repeat;
out vec3 point, up;
out vec2 uv;
void main() {
  uv = coordinates * repeat;
  // As coarse as the triangles, of which a tile has about 45 across.
  float level = max(0.0, log2(float(textureSize(height, 0).x) * repeat / 45.0));
  point = position + normal * lift * relief * (textureLod(height, uv, level).r - 0.5);
  up = normal;
  gl_Position = camera * vec4(point, 1.0);
}`;

// Light: GGX (Walter et al. 2007) with Smith's shadowing and Schlick's Fresnel; the surroundings by Karis' fit of the
// preintegrated reflection ("Physically Based Shading on Mobile", 2014).
const FRAGMENT = `#version 300 es
precision highp float;
in vec3 point, up;
in vec2 uv;
uniform sampler2D base_color, normal, roughness, metallic, height, ambient_occlusion;
uniform vec3 eye;
uniform float relief;
uniform bool has_normal, has_height;
out vec4 colour;
const float PI = 3.14159265;

// The surface's tangents come from how position and coordinates change from pixel to pixel.
vec3 bumpy(vec3 n) {
  vec3 px = dFdx(point), py = dFdy(point);
  vec2 ux = dFdx(uv), uy = dFdy(uv);
  vec3 across = cross(py, n), along = cross(n, px);
  if (has_normal) {
    vec3 t = across * ux.x + along * uy.x, b = across * ux.y + along * uy.y;
    float size = inversesqrt(max(max(dot(t, t), dot(b, b)), 1e-20));
    vec3 m = texture(normal, uv).xyz * 2.0 - 1.0;
    return normalize(t * size * m.x + b * size * m.y + n * max(m.z, 0.05));
  }
  if (!has_height) return n;
  float h = texture(height, uv).r * relief;
  float area = dot(px, across);
  vec3 slope = (dFdx(h) * across + dFdy(h) * along) * sign(area);
  return normalize(abs(area) * n - slope);
}

vec3 sky(vec3 direction, float blur) {
  float t = smoothstep(-0.25 - blur, 0.25 + blur, direction.z);
  vec3 light = mix(vec3(0.26, 0.24, 0.22), vec3(0.62, 0.68, 0.76), t);
  vec3 window = normalize(vec3(-0.75, -0.35, 0.55));
  float power = mix(90.0, 2.0, sqrt(blur));
  return light + vec3(1.5, 1.45, 1.35) * pow(max(dot(direction, window), 0.0), power) * mix(1.0, 0.15, blur);
}

vec3 lamp(vec3 n, vec3 v, vec3 l, vec3 light, vec3 diffuse, vec3 f0, float rough) {
  vec3 h = normalize(v + l);
  float nl = max(dot(n, l), 0.0), nv = max(dot(n, v), 1e-3), nh = max(dot(n, h), 0.0);
  float a = rough * rough, a2 = a * a;
  float d = nh * nh * (a2 - 1.0) + 1.0;
  float distribution = a2 / (PI * d * d);
  float k = (rough + 1.0) * (rough + 1.0) / 8.0;
  float shadowing = 1.0 / ((nv * (1.0 - k) + k) * (nl * (1.0 - k) + k) * 4.0);
  vec3 fresnel = f0 + (1.0 - f0) * pow(1.0 - max(dot(v, h), 0.0), 5.0);
  return (diffuse / PI * (1.0 - fresnel) + distribution * shadowing * fresnel) * light * nl;
}

void main() {
  vec3 v = normalize(eye - point);
  vec3 n = normalize(gl_FrontFacing ? up : -up);
  n = bumpy(n);
  vec3 base = texture(base_color, uv).rgb;
  float rough = clamp(texture(roughness, uv).r, 0.06, 1.0), metal = texture(metallic, uv).r;
  float open = texture(ambient_occlusion, uv).r;
  vec3 f0 = mix(vec3(0.04), base, metal), diffuse = base * (1.0 - metal);
  vec3 light = lamp(n, v, normalize(vec3(-0.55, -0.6, 0.75)), vec3(2.3, 2.2, 2.05), diffuse, f0, rough);
  light += lamp(n, v, normalize(vec3(0.8, -0.25, 0.25)), vec3(0.45, 0.5, 0.6), diffuse, f0, rough);
  light += lamp(n, v, normalize(vec3(0.2, 0.9, 0.4)), vec3(0.5, 0.5, 0.55), diffuse, f0, rough);
  float nv = max(dot(n, v), 0.0);
  vec4 r = rough * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
  float a004 = min(r.x * r.x, exp2(-9.28 * nv)) * r.x + r.y;
  vec2 fit = vec2(-1.04, 1.04) * a004 + r.zw;
  light += (diffuse * sky(n, 1.0) * 0.75 + sky(reflect(-v, n), rough * rough) * (f0 * fit.x + fit.y)) * open;
  // A shoulder above 0.8 keeps highlights from clipping; below it colours stay true.
  light = mix(light, 1.0 - 0.2 * exp(-(light - 0.8) / 0.2), step(0.8, light));
  colour = vec4(mix(1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, light * 12.92, step(light, vec3(0.0031308))), 1.0);
}`;

const compile = (gl, type, source) => {
  const shader = gl.createShader(type);
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) throw new Error(gl.getShaderInfoLog(shader));
  return shader;
};

const makeProgram = (gl) => {
  const program = gl.createProgram();
  gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, FRAGMENT));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program));
  return program;
};
