# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of the interface in other languages; English is the key, and what is missing is shown in English."""

from collections.abc import Mapping

import bpy

from .translations_fields import CHINESE_FIELDS
from .translations_stylise import CHINESE_STYLISE
from .translations_surfaces import CHINESE_SURFACES

CLASSES = ()

CHINESE: Mapping[str, str] = {
    **CHINESE_STYLISE,
    **CHINESE_SURFACES,
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
    "Use Again": "再次使用",
    "Open": "打开",
    "Remove from History": "从历史记录中移除",
    "Add LoRA": "添加 LoRA",
    "Remove LoRA": "移除 LoRA",
    "By Name or Path": "按名称或路径",
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
    "Allow ...": "允许…",
    "This file, or a picture, asks the server to load:": "此文件或某张图片要求服务器加载：",
    "Allow only what you know. It stays allowed.": "仅允许您了解的内容，允许后将一直有效。",
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
    "Not running": "未运行",
    "No server": "没有服务器",
    "Queue": "队列",
    "Looking for the server": "正在查找服务器",
    "Sending": "发送中",
    "Images appear here as they are made": "生成的图像会显示在这里",
    "Start from": "起始图像",
    "Not used without a picture": "没有图像时不使用",
    # settings of a scene
    "Left": "左",
    "Top": "上",
    "Right": "右",
    "Bottom": "下",
    "None": "无",
    "Nothing within the image: only what is added beyond its borders is painted": "图像内部不变：只绘制边界之外添加的部分",
    "Task": "任务",
    "What to make": "要生成什么",
    "Text to Image": "文生图",
    "A new image from the prompt": "由提示词生成新图像",
    "Image to Image": "图生图",
    "A new image from another one": "由另一张图像生成新图像",
    "Part of an image painted anew": "重新绘制图像的一部分",
    "A larger image with new detail": "更大且带有新细节的图像",
    "Style": "风格",
    "A look that is added to the prompt": "加到提示词上的风格",
    "No Style": "无风格",
    "The prompt as it is": "提示词保持原样",
    "Image": "图像",
    "The image to start from where none is open": "没有打开图像时使用的起始图像",
    "Mask": "遮罩",
    "Where to repaint": "重绘的位置",
    "Mask Image": "遮罩图像",
    "White in another image of the same size: repaint there": "另一张同样大小的图像中白色处重绘",
    "White: repaint; black: keep": "白色：重绘；黑色：保留",
    "Transparency": "透明处",
    "What is transparent is repainted: erase it with a brush": "透明处重绘：用笔刷擦除即可",
    "Selected Region": "选中区域",
    "A rectangle, selected by dragging over the image": "在图像上拖动选出的矩形",
    "Region": "区域",
    "Left, top, width and height of the selected rectangle in pixels": "选中矩形的左、上、宽、高，单位像素",
    "Pad to Multiples of 8": "补齐到 8 的倍数",
    "Continue the image by its border where its sides are no multiples of 8, and cut the result back": (
        "边长不是 8 的倍数时用边缘延伸图像，结果再裁回原大小"
    ),
    "Start Image": "起始图像",
    "A picture that the texture is made from; empty for none": "用来制作纹理的图像；留空则不用",
    "Base Color": "基础色",
    "Normal": "法线",
    "Roughness": "粗糙度",
    "Ambient Occlusion": "环境光遮蔽",
    "Metallic": "金属度",
    "Material": "材质",
    "Where the maps go": "贴图的去向",
    "Selected Objects": "所选物体",
    "A new material on the selected objects": "所选物体使用新材质",
    "Active Material": "活动材质",
    "The nodes of the active material are replaced by the maps": "活动材质的节点会被贴图取代",
    "New Material": "新建材质",
    "A new material that no object uses yet": "尚无物体使用的新材质",
    "Displacement": "置换",
    "Height of the relief in scene units; 0 leaves it out": "起伏的高度，场景单位；0 表示不用",
    "Repeat": "重复",
    "How often the texture repeats over the UV map": "纹理在 UV 上重复的次数",
    "Size": "大小",
    "Side of the texture in pixels": "纹理的边长，单位像素",
    "Images that were made before": "以前生成的图像",
    # preferences
    "Where images are made": "在哪里生成图像",
    "This Computer": "本机",
    "A server on this computer, started when it is needed": "本机上的服务器，需要时启动",
    "A server that runs already, here or on another computer": "本机或其他电脑上已在运行的服务器",
    "The Python in which sd_core is installed; empty to look for it": "安装了 sd_core 的 Python；留空则自动查找",
    "Device": "设备",
    "The device that makes the images: auto, cpu, cuda, cuda:1 or mps": "生成图像的设备：auto、cpu、cuda、cuda:1 或 mps",
    "Data Folder": "数据文件夹",
    "Where the server keeps its jobs; empty for its usual place": "服务器保存任务的位置；留空则用默认位置",
    "Where the server listens": "服务器监听的地址",
    "Token": "令牌",
    "The server's bearer token, which it prints when it starts": "服务器的令牌，启动时会打印出来",
    "Free Memory Before Rendering": "渲染前释放内存",
    "Let the server give its memory back before Cycles renders; its models are loaded again later": (
        "Cycles 渲染前让服务器释放内存；之后会重新加载模型"
    ),
    "Live Picture": "实时图像",
    "Draw a picture over the open image of the Image Editor while it is made": "生成时把图像画在图像编辑器中打开的图像上",
    # tooltips of buttons
    "Make an image from the prompt": "由提示词生成图像",
    "Make an image from the prompt and the open image": "由提示词和打开的图像生成图像",
    "Paint the masked part of the open image anew": "重新绘制打开的图像中被遮罩的部分",
    "Make the open image larger, with new detail": "放大打开的图像并增加细节",
    "Make a tiling material with all its maps from the prompt": "由提示词生成可平铺的材质及其全部贴图",
    "Take over the settings of the selected image, with its seed": "采用所选图像的设置及其种子",
    "Open the selected image in the Image Editor": "在图像编辑器中打开所选图像",
    "Delete the selected image from the history; images in the open file stay": "从历史记录中删除所选图像；文件中的图像保留",
    "Make a black image of the open image's size, to paint white where to repaint": (
        "新建与打开的图像同样大小的黑色图像，在要重绘处涂白"
    ),
    "Drag a rectangle over the open image: inpainting repaints what lies within": "在打开的图像上拖出矩形：局部重绘其内部",
    "Start the server, or look for it again; jobs that were lost with it are taken up": (
        "启动服务器，或重新查找；随之丢失的任务会继续"
    ),
    "Stop the server that this Blender has started; jobs that wait are kept for the next start": (
        "停止由本 Blender 启动的服务器；排队的任务留待下次启动"
    ),
    "Let the server drop its models and give their memory back": "让服务器卸载模型并释放内存",
    "Ask the server anew which models, ControlNets and LoRAs it has": "重新询问服务器有哪些模型、ControlNet 和 LoRA",
    "Open the folder into which LoRAs for the server on this computer belong": "打开本机服务器存放 LoRA 的文件夹",
    "Cancel the jobs that run and wait, or the named one": "取消正在运行和排队的任务，或指定的任务",
    "Leave the jobs that have ended out of the panel": "不再显示已结束的任务",
    "Open the preferences of this extension": "打开本扩展的偏好设置",
    "Continue images by their border to multiples of 8 pixels, and cut the results back": (
        "用边缘把图像延伸到 8 像素的倍数，结果再裁回"
    ),
    "Leave the model, its LoRAs and ControlNets to the server's defaults": "模型、LoRA 和 ControlNet 都用服务器的默认值",
    "Save the settings under a name, or remove a saved one": "以名称保存设置，或移除已保存的设置",
}
"""Simplified Chinese."""

_CONTEXTS = ("*", "Operator")
"""Blender looks for the labels of buttons in the second."""


def register() -> None:
    """Give Blender the words."""
    words = {(context, english): held for english, held in CHINESE.items() for context in _CONTEXTS}
    bpy.app.translations.register(__package__ or "", {"zh_HANS": words})


def unregister() -> None:
    """Take them back."""
    bpy.app.translations.unregister(__package__ or "")
