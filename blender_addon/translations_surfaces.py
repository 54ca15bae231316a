# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of what paints surfaces once for a shot, in other languages."""

from collections.abc import Mapping

CHINESE_SURFACES: Mapping[str, str] = {
    "Method": "方法",
    "How the frames of a shot are made": "镜头的各帧如何生成",
    "Paint surfaces where the shot shows mostly meshes, else frames; the panel says which and why": (
        "镜头以网格为主时绘制表面，否则逐帧绘制；面板会说明选择及原因"
    ),
    "Paint Surfaces": "绘制表面",
    "Paint textures once for the whole shot and let Blender render it: steady, with the scene's own light": (
        "为整个镜头绘制一次纹理并由 Blender 渲染：画面稳定，使用场景自身的光照"
    ),
    "Paint Frames": "绘制各帧",
    "Paint each frame by itself: also smoke, hair and whatever else has no surface": (
        "逐帧单独绘制：也适用于烟雾、毛发以及其他没有表面的物体"
    ),
    "Largest Texture": "最大纹理",
    "Largest side of a painted texture; an object gets a texel for each pixel that it takes": (
        "所绘纹理的最大边长；物体每占一个像素就有一个纹素"
    ),
    "Objects": "物体",
    "Object": "物体",
    "The object that is selected in the list": "列表中选中的物体",
    "The object": "物体",
    "Material": "材质",
    "The material, where each of the object's is painted by itself": "材质（当物体的各材质分别绘制时）",
    "Share": "占比",
    "Share of the pictures that the object takes": "物体在图像中所占的比例",
    "Surface": "表面",
    "How the object is painted": "物体如何绘制",
    "Why": "原因",
    "Why it is painted so": "为何这样绘制",
    "Found Prompt": "所得提示词",
    "What it is painted with unless you say otherwise": "未另行指定时用来绘制的提示词",
    "What the object is painted with; empty: the prompt of its material, its collection or the shot": (
        "绘制物体所用的提示词；留空：使用其材质、集合或镜头的提示词"
    ),
    "Keep": "保留",
    "Leave the object's own materials as they are": "保持物体自身的材质不变",
    "Find Objects": "查找物体",
    "Apply to Scene": "应用到场景",
    "Repaint This Object": "重绘此物体",
    "Look at the frames of the shot and list the objects that they show": "查看镜头各帧并列出其中出现的物体",
    "Show the painted textures on the objects of this scene, as new materials; what is not painted yet is painted first": (
        "以新材质在此场景的物体上显示所绘纹理；尚未绘制的先行绘制"
    ),
    "Paint the active object with another seed; all other textures stay": "用另一个种子绘制活动物体；其他纹理保持不变",
}
"""Simplified Chinese by English."""
