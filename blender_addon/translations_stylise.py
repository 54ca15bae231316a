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
    "Resume Animation": "继续动画",
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
    "Reproject the earlier frames along their motion vectors and generate only what is newly visible": (
        "沿运动矢量重投影之前的帧，只生成新露出的部分"
    ),
    "ControlNets are not used here: each view follows its depth": "这里不使用 ControlNet：每个视角遵循其深度",
    "Normals": "法线",
    "Also guide the image by the surface normals; needs a normal ControlNet": "同时遵循表面法线；需要法线 ControlNet",
    "Edges": "边缘",
    "Also guide the image by outlines and creases; needs a Canny ControlNet": (
        "同时遵循轮廓和折痕；需要边缘 ControlNet（canny）"
    ),
    "After Every Render": "每次渲染之后",
    "Stylise each still image when its render (F12) has finished; renders of animations are not stylised": (
        "每张静帧渲染（F12）后立即风格化；动画不受影响"
    ),
    "Output": "输出",
    "Folder for passes, frames and video; // is the folder of the .blend file": "通道、图像和视频的文件夹；// 表示 .blend 所在位置",
    "Video": "视频",
    "Also encode the frames as a video (MP4)": "同时把各帧编码为视频（MP4）",
    "What the frames show from this frame on": "从这一帧起图像的内容",
    "The prompt that is selected in the list": "列表中选中的提示词",
    "Frame": "帧",
    "First frame of this prompt": "此提示词的第一帧",
    "Timeline marker that sets the first frame of this prompt; the prompt moves with it": (
        "决定此提示词第一帧的时间线标记；提示词随之移动"
    ),
    # how textures are projected
    "Repaint Texture": "重绘纹理",
    "Paint Mask": "绘制遮罩",
    "Paint": "绘制",
    "Which part of the surface is generated": "生成表面的哪一部分",
    "Everything": "全部",
    "A new texture for the whole surface": "为整个表面生成新纹理",
    "Only where a mask image is white (same size as the texture); the rest stays unchanged": (
        "只重绘与纹理同样大小的遮罩中白色的部分；纹理其余部分保持不变"
    ),
    "Only where the texture is transparent (use Erase Alpha in Texture Paint)": "只重绘纹理透明的部分：用笔刷擦除即可",
    "Views": "视角",
    "Cameras from which the texture is generated": "用来生成纹理的摄像机",
    "Automatic": "自动",
    "Cameras around the objects, placed so that they see as much of the surface as possible": (
        "物体周围的摄像机，选择时尽可能看到更多表面"
    ),
    "Camera": "摄像机",
    "Only the scene camera; surfaces that it does not see are filled from those it sees": (
        "只用场景摄像机：看不到的部分由看到的部分填补"
    ),
    "Selected Cameras": "所选摄像机",
    "All selected cameras, sorted by name": "每台所选摄像机，按名称顺序",
    "UV Map": "UV 贴图",
    "UV map that the texture is written to": "写入纹理的 UV 贴图",
    "Existing": "现有",
    "Use the active UV map of each object; one image for each object": "使用每个物体的活动 UV 贴图；每个物体一张图像",
    "New": "新建",
    "Unwrap all objects into one new UV map; one image for all": "把物体一起展开到新的 UV 贴图；共用一张图像",
    "PBR Maps": "PBR 贴图",
    "Also make roughness, normal and height maps, estimated from the base color": "同时由基础色估计并生成粗糙度、法线和高度贴图",
    # tooltips of buttons
    "Generate a stylised image of the current frame, guided by its depth": "按深度为当前帧生成风格化图像",
    "Stylise all frames of the scene without flicker": "风格化场景的全部帧，没有闪烁",
    "Continue an interrupted run in the output folder": "继续输出文件夹中被中断的运行",
    "Generate a texture for the selected objects from several views, guided by their depth": (
        "按深度从各个方向或从摄像机绘制所选物体"
    ),
    "Repaint the masked part of the texture of the selected objects; the rest stays unchanged": (
        "重绘所选物体所显示纹理的遮罩部分；其余部分保持不变"
    ),
    "Go to Texture Paint with a new mask; paint white where to repaint": "用新遮罩进入纹理绘制；在要重绘处涂白",
    "Add a prompt that starts at the current frame": "添加从当前帧起生效的提示词",
    "Remove the selected prompt": "移除所选提示词",
    "Add one prompt for each timeline marker: its text is the name of the marker, its first frame moves with it": (
        "为每个时间线标记添加提示词，以标记名为内容并跟随标记"
    ),
}
"""Simplified Chinese by English."""
