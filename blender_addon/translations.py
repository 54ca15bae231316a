# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of the interface in other languages; English is the key, and what is missing is shown in English."""

from collections.abc import Mapping

import bpy

from .translations_fields import CHINESE_FIELDS
from .translations_stylise import CHINESE_STYLISE

CLASSES = ()

CHINESE: Mapping[str, str] = {
    **CHINESE_STYLISE,
    **CHINESE_FIELDS,
    # panels and buttons
    "Generate": "生成",
    "Settings": "设置",
    "Texture": "纹理",
    "Maps": "贴图",
    "History": "历史记录",
    "Server": "服务器",
    "LoRA, ControlNet, Image Prompt": "LoRA、ControlNet、图像提示",
    "Generate Image": "生成图像",
    "Generate from Image": "由图像生成",
    "Inpaint": "局部重绘",
    "Upscale": "放大",
    "Generate Texture": "生成纹理",
    "Restore Settings": "恢复设置",
    "Open": "打开",
    "Remove from History": "从历史记录中移除",
    "Add LoRA": "添加 LoRA",
    "Remove LoRA": "移除 LoRA",
    "Enter Name or Path": "输入名称或路径",
    "Refresh": "刷新",
    "Open LoRA Folder": "打开 LoRA 文件夹",
    "Start the server to see its LoRAs": "启动服务器以查看其 LoRA",
    "The server's LoRA folder is empty": "服务器的 LoRA 文件夹为空",
    "Add ControlNet": "添加 ControlNet",
    "Remove ControlNet": "移除 ControlNet",
    "New Mask": "新建遮罩",
    "Select Region": "框选区域",
    "Start Server": "启动服务器",
    "Stop Server": "停止服务器",
    "Stop": "停止",
    "Free Memory": "释放内存",
    "Cancel": "取消",
    "Dismiss": "关闭",
    "Open Preferences": "打开偏好设置",
    "Use the Default Model": "使用默认模型",
    "Allow These Models?": "允许使用这些模型？",
    "Allow These Models ...": "允许这些模型…",
    "This file wants the server to load:": "此文件要求服务器加载：",
    "Allow only models that you trust. The approval stays until 'sd-core models disallow'.": (
        "仅允许您信任的模型。允许后一直有效，直到运行 sd-core models disallow。"
    ),
    "Enter the Token": "输入令牌",
    "Presets": "预设",
    "Add Preset": "添加预设",
    "Stable Diffusion": "Stable Diffusion",
    # states
    "Preparing": "准备中",
    "Queued": "排队中",
    "Loading": "加载中",
    "Running": "运行中",
    "Starting": "启动中",
    "Server not running": "服务器未运行",
    "Server failed to start": "服务器启动失败",
    "Queue": "队列",
    "Looking for the server": "正在查找服务器",
    "Sending": "发送中",
    "Generated images appear here": "生成的图像会显示在这里",
    "Not used without a picture": "没有图像时不使用",
    # settings of a scene
    "Left": "左",
    "Top": "上",
    "Right": "右",
    "Bottom": "下",
    "None": "无",
    "Keep the whole image and paint only the area that Expand adds": "保留整张图像，只绘制扩展时添加的区域",
    "Task": "任务",
    "What to make": "要生成什么",
    "Text to Image": "文生图",
    "A new image from the prompt": "由提示词生成新图像",
    "Image to Image": "图生图",
    "A new image from another one": "由另一张图像生成新图像",
    "Repaint part of an image": "重新绘制图像的一部分",
    "A larger image with new detail": "更大且带有新细节的图像",
    "Style": "风格",
    "Style words that are added to the prompt": "加到提示词上的风格",
    "No Style": "无风格",
    "The prompt without additions": "提示词保持原样",
    "Image": "图像",
    "Start image, if no image is open in the editor": "没有打开图像时使用的起始图像",
    "Mask": "遮罩",
    "Where to repaint": "重绘的位置",
    "Mask Image": "遮罩图像",
    "Repaint where another image of the same size is white": "另一张同样大小的图像中白色处重绘",
    "White: repaint; black: keep": "白色：重绘；黑色：保留",
    "Transparency": "透明处",
    "Repaint where the image is transparent (paint with Erase Alpha)": "透明处重绘：用笔刷擦除即可",
    "Selected Region": "选中区域",
    "Repaint a rectangle, dragged over the image": "在图像上拖动选出的矩形",
    "Region": "区域",
    "Left, top, width and height of the selected rectangle in pixels": "选中矩形的左、上、宽、高，单位像素",
    "Pad to Multiples of 8": "补齐到 8 的倍数",
    "Extend the image to multiples of 8 by repeating its border pixels, and crop the result to its size": (
        "边长不是 8 的倍数时用边缘延伸图像，结果再裁回原大小"
    ),
    "Start Image": "起始图像",
    "Image that the texture starts from; empty: start from noise": "纹理的起始图像；留空：从噪声开始",
    "Base Color": "基础色",
    "Normal": "法线",
    "Roughness": "粗糙度",
    "Ambient Occlusion": "环境光遮蔽",
    "Metallic": "金属度",
    "Material": "材质",
    "Material that gets the maps": "获得贴图的材质",
    "Selected Objects": "所选物体",
    "A new material on the selected objects": "所选物体使用新材质",
    "Active Material": "活动材质",
    "Replace the nodes of the active material": "活动材质的节点会被贴图取代",
    "New Material": "新建材质",
    "A new material, not assigned to an object": "新材质，不指定给物体",
    "Displacement": "置换",
    "Height scale of the displacement, in scene units; 0: flat": "置换的高度比例，场景单位；0：平坦",
    "Repeat": "重复",
    "Number of repeats over the UV range 0 to 1": "纹理在 UV 范围 0 到 1 内重复的次数",
    "Size": "大小",
    "Width and height of the texture in px": "纹理的宽度和高度，单位像素",
    "Generated images": "生成的图像",
    # preferences
    "Where images are made": "在哪里生成图像",
    "This Computer": "本机",
    "A server on this computer, started when it is needed": "本机上的服务器，需要时启动",
    "A running server, on this or another computer": "本机或其他电脑上已在运行的服务器",
    "The Python in which sd_core is installed; empty: searched automatically": "安装了 sd_core 的 Python；留空则自动查找",
    "Device": "设备",
    "Device of the server: auto, cpu, cuda, cuda:1 or mps": "服务器的设备：auto、cpu、cuda、cuda:1 或 mps",
    "Data Folder": "数据文件夹",
    "Folder for the server's jobs, LoRAs and approvals; empty: the default folder": (
        "存放服务器的任务、LoRA 和许可的文件夹；留空则用默认文件夹"
    ),
    "Address of the server": "服务器的地址",
    "Token": "令牌",
    "The server's bearer token, which it prints when it starts": "服务器的令牌，启动时会打印出来",
    "Free GPU Memory Before Rendering": "渲染前释放显存",
    "Unload the models of the server before Cycles renders; the next job loads them again (some seconds)": (
        "Cycles 渲染前卸载服务器的模型；下一个任务会重新加载（数秒）"
    ),
    "Live Preview": "实时预览",
    "Show the unfinished image in the Image Editor while it is generated": "生成时在图像编辑器中显示未完成的图像",
    # tooltips of buttons
    "Make an image from the prompt": "由提示词生成图像",
    "Make an image from the prompt and the open image": "由提示词和打开的图像生成图像",
    "Repaint the masked part of the open image": "重新绘制打开的图像中被遮罩的部分",
    "Make the open image larger, with new detail": "放大打开的图像并增加细节",
    "Generate a seamless PBR material from the prompt": "由提示词生成无缝 PBR 材质",
    "Set all settings and the seed as for the selected image": "采用所选图像的设置及其种子",
    "Open the selected image in the Image Editor": "在图像编辑器中打开所选图像",
    "Delete the selected image from the history; images in the open file stay": "从历史记录中删除所选图像；文件中的图像保留",
    "New black image of the size of the open image; paint white where to repaint": (
        "新建与打开的图像同样大小的黑色图像，在要重绘处涂白"
    ),
    "Drag a rectangle over the open image; Inpaint repaints inside it": "在打开的图像上拖出矩形：局部重绘其内部",
    "Start the server or reconnect to it; interrupted jobs continue": ("启动或重新连接服务器；中断的任务会继续"),
    "Cancel all jobs of this Blender, then stop the server that it has started": (
        "取消本 Blender 的全部任务，然后停止由它启动的服务器"
    ),
    "Unload the models of the server from memory": "让服务器卸载模型并释放内存",
    "Reload the lists of models, ControlNets and LoRAs from the server": "从服务器重新加载模型、ControlNet 和 LoRA 的列表",
    "Open the folder into which LoRAs for the server on this computer belong": "打开本机服务器存放 LoRA 的文件夹",
    "Cancel the jobs that run and wait, or the named one": "取消正在运行和排队的任务，或指定的任务",
    "Remove finished and failed jobs from the panel": "从面板中移除已完成和失败的任务",
    "Open the preferences of this extension": "打开本扩展的偏好设置",
    "Extend images to multiples of 8 px by repeating border pixels, and crop the results": (
        "用边缘把图像延伸到 8 像素的倍数，结果再裁回"
    ),
    "Use the default model of the server, without LoRAs and ControlNets": "使用服务器的默认模型，不用 LoRA 和 ControlNet",
    "Save the settings under a name, or remove a saved one": "以名称保存设置，或移除已保存的设置",
}
"""Simplified Chinese."""

_CONTEXTS = ("*", "Operator")
"""Blender looks for the labels of buttons in the second."""


def register() -> None:
    """Give Blender the translations."""
    words = {(context, english): text for english, text in CHINESE.items() for context in _CONTEXTS}
    bpy.app.translations.register(__package__ or "", {"zh_HANS": words})


def unregister() -> None:
    """Take them back."""
    bpy.app.translations.unregister(__package__ or "")
