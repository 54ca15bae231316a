# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of the panels that stylise and project, in other languages."""

from collections.abc import Mapping

CHINESE_STYLISE: Mapping[str, str] = {
    # panels and buttons
    "Project": "投射",
    "Project Texture": "投射纹理",
    "Stylise": "风格化",
    "Stylise Render": "风格化渲染",
    "Stylise Animation": "风格化动画",
    "Animation": "动画",
    "Resume": "继续",
    "Add Prompt": "添加提示词",
    "Remove Prompt": "移除提示词",
    "Prompts from Markers": "由标记生成提示词",
    "Marker": "标记",
    "Rendering depth": "正在渲染深度",
    "Rendering passes": "正在渲染通道",
    # how renders and animations are stylised
    "Depth": "深度",
    "How strongly the normals guide the picture": "法线引导图像的强度",
    "How strongly the edges guide the picture": "边缘引导图像的强度",
    "Reuse Earlier Frames": "沿用之前的帧",
    "Move what was generated to the next frame along the motion of its surfaces, so that it holds still": (
        "沿表面的运动把已生成的内容移到下一帧，使画面稳定"
    ),
    "ControlNets are not used here: each view follows its depth": "这里不使用 ControlNet：每个视角遵循其深度",
    "Normals": "法线",
    "Follow the surface normals too; needs a ControlNet for normals": "同时遵循表面法线；需要法线 ControlNet",
    "Edges": "边缘",
    "Follow the outlines and creases too; needs a ControlNet for edges (canny)": (
        "同时遵循轮廓和折痕；需要边缘 ControlNet（canny）"
    ),
    "After Every Render": "每次渲染之后",
    "Stylise each still as soon as it is rendered (F12); animations are left alone": (
        "每张静帧渲染（F12）后立即风格化；动画不受影响"
    ),
    "Output": "输出",
    "Folder for passes, pictures and video; // is where the .blend is": "通道、图像和视频的文件夹；// 表示 .blend 所在位置",
    "Video": "视频",
    "Also write the pictures as a video (MP4)": "同时把图像写成视频（MP4）",
    "What the pictures show from this frame on": "从这一帧起图像的内容",
    "The prompt that is selected in the list": "列表中选中的提示词",
    "Frame": "帧",
    "Frame from which on the prompt holds": "提示词从哪一帧起生效",
    "Timeline marker whose frame is used instead, wherever it is moved": "改用此时间线标记所在的帧，标记移动时随之改变",
    # how textures are projected
    "Repaint Texture": "重绘纹理",
    "Paint Mask": "绘制遮罩",
    "Paint": "绘制",
    "Which part of the objects is painted": "绘制物体的哪一部分",
    "Everything": "全部",
    "A new texture for the whole surface": "为整个表面生成新纹理",
    "Only where a mask of the texture's size is white; the rest of the texture stays as it is": (
        "只重绘与纹理同样大小的遮罩中白色的部分；纹理其余部分保持不变"
    ),
    "Only where the texture is transparent: erase it with a brush": "只重绘纹理透明的部分：用笔刷擦除即可",
    "Views": "视角",
    "From where the objects are painted": "从哪里绘制物体",
    "Automatic": "自动",
    "Cameras around the objects, chosen so that they see as much of the surface as possible": (
        "物体周围的摄像机，选择时尽可能看到更多表面"
    ),
    "Camera": "摄像机",
    "The scene's camera alone: what it does not see is filled in from what it does": (
        "只用场景摄像机：看不到的部分由看到的部分填补"
    ),
    "Selected Cameras": "所选摄像机",
    "Every selected camera, in the order of their names": "每台所选摄像机，按名称顺序",
    "UV Map": "UV 贴图",
    "Where the texture goes": "纹理的去向",
    "Existing": "现有",
    "Paint into the active UV map of each object; an image for each": "绘制到每个物体的活动 UV 贴图；每个物体一张图像",
    "New": "新建",
    "Unwrap the objects together into a new UV map; one image for all": "把物体一起展开到新的 UV 贴图；共用一张图像",
    "PBR Maps": "PBR 贴图",
    "Also roughness, normals and height, estimated from the painted colours": "同时由绘制的颜色估计粗糙度、法线和高度",
    # tooltips of buttons
    "Make a stylised picture of the current frame, shaped by its depth": "按深度为当前帧生成风格化图像",
    "Stylise every frame of the scene's range, so that it holds still": "风格化场景范围内的每一帧，并保持稳定",
    "Go on with what an earlier run has left in the output folder": "接着输出文件夹里上次留下的内容继续",
    "Paint the selected objects from all sides or from cameras, shaped by their depth": (
        "按深度从各个方向或从摄像机绘制所选物体"
    ),
    "Paint the masked part of the texture that the selected objects show anew; the rest stays as it is": (
        "重绘所选物体所显示纹理的遮罩部分；其余部分保持不变"
    ),
    "Paint white on the active object where its texture is to be repainted": "在活动物体上要重绘纹理处涂白",
    "Add a prompt that holds from the current frame on": "添加从当前帧起生效的提示词",
    "Remove the selected prompt": "移除所选提示词",
    "Add a prompt for each timeline marker, with the marker's name; it follows the marker": (
        "为每个时间线标记添加提示词，以标记名为内容并跟随标记"
    ),
}
"""Simplified Chinese by English."""
